"""What an evaluation found, as `keyart evaluate --json` prints it: the same names, with types. Draws nothing.

What is missing or unknown is None or empty, and names that are not listed are passed over, so that objects of other
releases can be read.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.errors import BadInput


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A range that holds the truth in `level` of repetitions; an end that nothing bounds is None."""

    method: str
    low: float | None = None
    high: float | None = None
    level: float = 0.95


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A mean reward a decision; `chosen` are the hyper-parameters that a rule picked."""

    estimator: str
    value: float
    interval: Interval | None = None
    intervals: tuple[Interval, ...] = ()
    chosen: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its interval."""

    value: float
    low: float | None = None
    high: float | None = None


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one dimension: what the target would earn there, and how much more than the baseline."""

    dimension: str
    value: str
    rows: int = 0
    viewers: int | None = None
    estimate: Span | None = None
    difference: Span | None = None
    p_value: float | None = None
    adjusted_p: float | None = None
    verdict: str = "unclear"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A reason instead of a number; `rows` are the first that it holds for."""

    code: str
    message: str
    remedy: str = ""
    rows: tuple[int | str, ...] = ()


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know beside the numbers."""

    code: str
    message: str
    remedy: str = ""


class Support(msgspec.Struct, frozen=True, kw_only=True):
    """Where the target's probability lies, as shares of it."""

    unsupported_mass: float = 0.0
    below_floor_mass: float = 0.0
    floor: float | None = None


class ArtworkCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """The mean of 1[drawn] / p of one artwork, ideally 1."""

    artwork: str
    mean: float
    standard_error: float | None = None
    rows: int = 0


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """An artwork, or a bucket of probabilities."""

    name: str
    kind: str = ""


class CalibrationTest(msgspec.Struct, frozen=True, kw_only=True):
    """Whether draws follow the logged probabilities, over so many cells."""

    statistic: float | None = None
    p_value: float | None = None
    cells: int = 0
    worst_cell: Cell | None = None


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """Entries whose logged probability lies in a range: its mean, and the share of them that was drawn."""

    range: str
    stated: float
    drawn: float
    rows: int = 0


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the log drew from what it wrote down."""

    artworks: int = 0
    mean: float | None = None
    worst: tuple[ArtworkCalibration, ...] = ()
    by_propensity: tuple[Bucket, ...] = ()
    test: CalibrationTest | None = None


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """How probably the log showed an artwork at its beginning, and at its end."""

    artwork: str
    first: float | None = None
    last: float | None = None


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How far the logging policy moved over so many days."""

    days: float | None = None
    total_variation: float | None = None
    worst: tuple[Trend, ...] = ()


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """`counts` (k) decisions between `edges` (k + 1); the last edge may be open (None)."""

    edges: tuple[float | None, ...]
    counts: tuple[float, ...]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What was known by the end of a day, from all rows until then."""

    rows: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the log."""

    day: str
    rows: int = 0
    mean_reward: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    cumulative: Running | None = None


class Baselines(msgspec.Struct, frozen=True, kw_only=True):
    """What else would have been earned on the same rows."""

    logging: Estimate | None = None
    uniform: Estimate | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked."""

    target: str | None = None
    baseline: str | None = None
    log: str | None = None
    level: float | None = None
    reward: str | None = None


class AtFloor(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the log and of the weight lies on decisions that were hardly ever made so."""

    floor: float | None = None
    share_of_rows: float | None = None
    share_of_weight: float | None = None
    rows_at_smallest: int | None = None


class HeavyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One of the rows that weigh most, by its number from 0."""

    row: int
    weight: float
    propensity: float | None = None
    target: float | None = None
    reward: float | None = None


class Diagnostics(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known before an estimate is believed."""

    mean_weight: float | None = None
    largest_weight: float | None = None
    smallest_propensity: float | None = None
    effective_sample_size: float | None = None
    rewarded_effective_sample_size: float | None = None
    take_fraction: float | None = None
    design_effect: float | None = None
    support: Support | None = None
    calibration: Calibration | None = None
    baselines: Baselines | None = None
    at_floor: AtFloor | None = None
    largest_weights: tuple[HeavyRow, ...] = ()
    weight_histogram: Histogram | None = None
    drift: Drift | None = None
    days: tuple[Day, ...] = ()
    interval_rule: str | None = None
    assumptions: tuple[str, ...] = ()
    question: Question | None = None
    warnings: tuple[Warned, ...] = ()


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision at one place of the page is worth; the last holds all further places too."""

    position: int
    estimate: Span
    difference: Span | None = None
    rows: int = 0


class WholePages(msgspec.Struct, frozen=True, kw_only=True):
    """What pages are worth, as means a page."""

    pages: int = 0
    slots_per_page: float | None = None
    mean_reward: Span | None = None
    estimates: tuple[Estimate, ...] = ()
    differences: tuple[Estimate, ...] = ()
    positions: tuple[Position, ...] = ()
    effective_pages: float | None = None
    warnings: tuple[Warned, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The whole object."""

    rows: int
    viewers: int | None = None
    estimates: tuple[Estimate, ...] = ()
    differences: tuple[Estimate, ...] = ()
    diagnostics: Diagnostics = msgspec.field(default_factory=Diagnostics)
    refusals: tuple[Refusal, ...] = ()
    segments: tuple[Segment, ...] = ()
    page: WholePages | None = None

    def leading(self) -> Estimate | None:
        """The estimate to go by: `snips`, else the first."""
        return leading(self.estimates)

    def leading_difference(self) -> Estimate | None:
        """The paired difference to go by, chosen as the estimate is."""
        return leading(self.differences)


_LEADING = "snips"


def leading(estimates: tuple[Estimate, ...]) -> Estimate | None:
    """The one that is read by default, None without any."""
    named = (each for each in estimates if each.estimator == _LEADING)
    return next(named, estimates[0] if estimates else None)


def found_of(told: Mapping[str, Any]) -> Found:
    """Read the object that `keyart evaluate --json` prints.

    Raises:
        BadInput: it is another object, or a number in it is none.
    """
    try:
        return msgspec.convert(dict(told), Found)
    except msgspec.ValidationError as error:
        remedy = "Give what `keyart evaluate --json` printed, unchanged."
        raise BadInput(f"This is no evaluation: {error}.", remedy) from error
