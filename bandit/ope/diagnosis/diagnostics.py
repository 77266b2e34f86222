"""What an analyst must know before believing an estimate: overlap, support, calibration, baselines. No verdicts."""

from dataclasses import dataclass
from typing import Any

from bandit.ope.batch import Batch
from bandit.ope.diagnosis.calibration import Calibration
from bandit.ope.diagnosis.days import Days
from bandit.ope.diagnosis.draws import Draws, judge_draws
from bandit.ope.diagnosis.drift import Drift
from bandit.ope.diagnosis.faults import NAMED_ROWS
from bandit.ope.diagnosis.heaviest import NOTHING_HEAVY, Heaviest, WeightHistogram
from bandit.ope.diagnosis.numbering import Numbering
from bandit.ope.diagnosis.overlap import WEIGHED, Extremes, Support, Weights
from bandit.ope.estimators.estimator import Estimate, Estimator
from bandit.ope.estimators.on_policy import LoggingMean, MeanWeight, UniformValue
from bandit.ope.intervals.interval import Interval, Method, NotEstimable
from bandit.ope.terms import Term, TermSums
from bandit.ope.viewers import ViewerSet

DEFAULT_FLOOR = 1e-3
"""Artworks that were logged with a smaller probability count as barely supported."""

_READ: tuple[Estimator, ...] = (LoggingMean(), MeanWeight(), UniformValue())

DIAGNOSED: tuple[Term, ...] = tuple(dict.fromkeys([*WEIGHED, *(term for one in _READ for term in one.terms)]))
"""The terms whose sums diagnostics are read from; an evaluation sums them with those of its estimators."""


class Diagnostics:
    """What is counted beside the shared sums. Streaming and mergeable; the right part's rows follow the left's.

    `first_rows` are the numbers of the first rows, for whatever all rows show. Takes sound rows only
    (`bandit.ope.diagnosis.faults`).
    """

    def __init__(self, *, floor: float = DEFAULT_FLOOR) -> None:
        self.floor = floor
        self.first_rows: tuple[int, ...] = ()
        self._numbering = Numbering()
        self.ends = Extremes()
        self.support = Support()
        self.heaviest = NOTHING_HEAVY
        self.histogram = WeightHistogram()
        self.calibration = Calibration()
        self.days = Days()
        self.drift = Drift()
        self.viewers = ViewerSet()

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch."""
        if not len(batch):
            return
        numbers = self._numbering.of(batch)
        self.first_rows = (*self.first_rows, *numbers[:NAMED_ROWS].tolist())[:NAMED_ROWS]
        self.ends += Extremes.of(batch, floor=self.floor)
        self.support += Support.of(batch, floor=self.floor, numbers=numbers)
        heavy = Heaviest.of(batch, numbers=numbers, above=self.heaviest.least)
        self.heaviest = self.heaviest.following(heavy, later=0)
        self.histogram.add(batch)
        self.days.add(batch)
        if batch.viewers is not None:
            self.viewers.add(batch)
        self.calibration.add(batch)
        self.drift.add(batch)

    def __add__(self, other: "Diagnostics") -> "Diagnostics":
        both = Diagnostics(floor=self.floor)
        both._numbering = self._numbering + other._numbering
        later = self._numbering.later(other._numbering)
        both.first_rows = (*self.first_rows, *(row + later for row in other.first_rows))[:NAMED_ROWS]
        both.ends = self.ends + other.ends
        both.support = self.support.following(other.support, later=later)
        both.heaviest = self.heaviest.following(other.heaviest, later=later)
        both.histogram = self.histogram + other.histogram
        both.drift = self.drift + other.drift
        both.days = self.days + other.days
        both.calibration = self.calibration + other.calibration
        both.viewers = self.viewers + other.viewers
        return both

    def over(self, sums: TermSums) -> "Findings":
        """What these counts say together with sums of the same rows, which hold `DIAGNOSED` among their terms."""
        logging, mean_weight, uniform = (one.reading(sums) for one in _READ)
        return Findings(
            counts=self,
            weights=Weights.of(sums, ends=self.ends),
            viewers=len(self.viewers),
            draws=judge_draws(self.calibration.cells()),
            logging=logging,
            mean_weight=mean_weight,
            uniform=uniform,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Findings:
    """Diagnostics of a whole log, read once. `viewers` is 0 where the log does not know them."""

    counts: Diagnostics
    weights: Weights
    viewers: int
    logging: Estimator
    mean_weight: Estimator
    uniform: Estimator
    draws: Draws | None

    @property
    def support(self) -> Support:
        """Where the target's probability lies."""
        return self.counts.support

    @property
    def floor(self) -> float:
        """Under which probability an artwork counts as barely supported."""
        return self.counts.floor

    def to_json(self, *, level: float, valued: bool = True) -> dict[str, Any]:
        """Plain numbers; None where something cannot be known from this log, or is a value and must not be told."""
        counts = self.counts
        return {
            **self.weights.to_json(floor=self.floor),
            "design_effect": self._design_effect(),
            "support": counts.support.to_json(floor=self.floor),
            "calibration": self._calibration(),
            "drift": counts.drift.to_json(),
            "largest_weights": counts.heaviest.to_json(),
            "weight_histogram": counts.histogram.to_json(),
            "days": counts.days.to_json(level=level, valued=valued),
            "baselines": {
                "logging": _estimate_json(self.logging, level=level),
                "uniform": _estimate_json(self.uniform, level=level) if self._uniform_known else None,
            },
        }

    def _calibration(self) -> dict[str, Any] | None:
        told = self.counts.calibration.to_json()
        return told and {**told, "test": self.draws and self.draws.to_json()}

    @property
    def _uniform_known(self) -> bool:
        support, draws = self.support, self.draws
        trusted = draws is None or not draws.wrong
        return trusted and 0 < support.rows == self.weights.rows and not support.never_logged

    def _design_effect(self) -> float | None:
        """By what factor the mean reward's variance grows because viewers repeat; None where that is unknown."""
        try:
            clustered = self.logging.standard_error(method=Method.VIEWER_CLUSTERED)
            by_row = self.logging.standard_error(method=Method.NORMAL)
        except NotEstimable:
            return None
        return (clustered / by_row) ** 2 if by_row else None


def estimate_to_json(estimate: Estimate) -> dict[str, Any]:
    """As on the wire: the interval to go by, then all that were made, and what a rule picked, where there is any."""
    return {
        "estimator": estimate.estimator,
        "value": estimate.value,
        "interval": _interval_json(estimate.interval),
        **({"intervals": [_interval_json(one) for one in estimate.intervals]} if estimate.intervals else {}),
        **({"chosen": dict(estimate.chosen)} if estimate.chosen else {}),
    }


def _interval_json(interval: Interval) -> dict[str, Any]:
    return {"method": interval.method.value, "low": interval.low, "high": interval.high, "level": interval.level}


def _estimate_json(estimator: Estimator, *, level: float) -> dict[str, Any] | None:
    try:
        return estimate_to_json(estimator.result(level))
    except NotEstimable:
        return None
