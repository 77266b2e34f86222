"""Whether the log drew what it wrote down: artworks that are far off, probabilities against shares. Knows no page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log2

from api.report.axis import Axis, Tick
from api.report.forest import Entry, Forest, forest_of
from api.report.found import ArtworkCalibration, Bucket, Calibration, Cell, Drift
from api.report.numbers import count, percent, plain

_ORDINARY_ERRORS = 4.0
"""Draws that are kept for a window repeat, so deviations up to so many standard errors are ordinary."""
_NORMAL_95 = 1.96
_SMALLEST, _LARGEST = 3.0, 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A bucket of probabilities: what was stated to the right, what was drawn upwards; larger ones hold more."""

    x: float
    y: float
    radius: float
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Buckets beside the diagonal, on scales of doublings."""

    spots: tuple[Spot, ...]
    ticks: tuple[Tick, ...]


def artworks_far_off(known: Calibration | None) -> Forest | None:
    """Draw the artworks whose draws are farthest from what was logged."""
    if known is None or not known.worst:
        return None
    return forest_of([*_entries(known.worst)], line=1.0, line_told="1: drawn as often as logged")


def _entries(worst: Sequence[ArtworkCalibration]) -> Iterator[Entry]:
    for each in worst:
        error = each.standard_error
        yield Entry(
            name=each.artwork,
            value=each.mean,
            low=None if error is None else each.mean - _NORMAL_95 * error,
            high=None if error is None else each.mean + _NORMAL_95 * error,
            colour="bad" if error is not None and abs(each.mean - 1.0) > _ORDINARY_ERRORS * error else "beside",
            note=f"{count(each.rows)} rows",
        )


def scatter_of(buckets: Sequence[Bucket]) -> Scatter | None:
    """Draw what was drawn against what was stated, by buckets of probability; None with fewer than two."""
    known = [each for each in buckets if each.stated > 0.0 and each.drawn > 0.0]
    if len(known) < 2:
        return None
    numbers = [log2(number) for each in known for number in (each.stated, each.drawn)]
    axis = Axis(min(numbers) - 0.5, min(max(numbers) + 0.5, 0.25))
    most = max(each.rows for each in known)
    powers = range(round(axis.start + 0.5), round(axis.end - 0.25) + 1)
    step = -(-len(powers) // 6)
    return Scatter(
        spots=tuple(_spot(each, axis, most) for each in known),
        ticks=tuple(Tick(axis.at(power), percent(2.0**power, 1 if power < -4 else 0)) for power in powers[::step]),
    )


def _spot(bucket: Bucket, axis: Axis, most: int) -> Spot:
    said = f"{bucket.range}: stated {percent(bucket.stated)}, drawn {percent(bucket.drawn)}, {count(bucket.rows)} rows"
    return Spot(
        x=axis.at(log2(bucket.stated)),
        y=round(100.0 - axis.at(log2(bucket.drawn)), 3),
        radius=round(_SMALLEST + (_LARGEST - _SMALLEST) * (bucket.rows / most) ** 0.5, 1),
        told=said,
    )


def test_in_words(known: Calibration | None) -> str:
    """What the test over all artworks and buckets says; empty without one."""
    test = known.test if known else None
    if test is None or test.p_value is None or test.statistic is None:
        return ""
    where = _where(test.worst_cell)
    return (
        f"Of {count(test.cells)} cells of artworks and probabilities, the one farthest off is {plain(test.statistic)} "
        f"standard errors away{where}. If all were as logged, one at least so far would be met with a probability of "
        f"{percent(test.p_value)}."
    )


def _where(cell: Cell | None) -> str:
    if cell is None:
        return ""
    held = {"propensity": "what was logged with a probability of ", "target": "what the target shows with one of "}
    return f", at {held.get(cell.kind, '')}{cell.name}"


def drift_in_words(drift: Drift | None) -> tuple[str, ...]:
    """What the logging policy did over time; empty where that is unknown."""
    if drift is None or drift.total_variation is None:
        return ()
    over = "" if drift.days is None else f" over {plain(drift.days)} days"
    told = f"Its mean probabilities moved by {percent(drift.total_variation)} (total variation){over}."
    moved = (
        f"{each.artwork}: from {percent(each.first)} to {percent(each.last)}"
        for each in drift.worst
        if each.first is not None and each.last is not None
    )
    return (told, *moved)
