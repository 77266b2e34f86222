"""Days from left to right: what each said, and what was known by its end. Places are percent. Knows no page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from api.report.axis import Axis, Tick, axis_over
from api.report.found import Day
from api.report.numbers import count, value

MOST_DAYS = 120
"""More days than that cannot be told apart: the last are drawn."""
_FREE = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A value with its interval at a place; `low` and `high` are None where there is none."""

    x: float
    y: float
    low: float | None
    high: float | None
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Marks on one scale. `band` and `path` are points as SVG writes them, in a box of 100 × 100.

    `line` is a value to compare with, `zone` where a range around it begins from above, and how high it is.
    """

    marks: tuple[Mark, ...]
    beside: tuple[Mark, ...]
    band: str
    path: str
    ticks: tuple[Tick, ...]
    days: tuple[Tick, ...]
    line: float | None = None
    zone: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A value with its interval, by the end of a day or of that day alone."""

    day: str
    value: float | None
    low: float | None = None
    high: float | None = None
    told: str = ""


def daily(days: Sequence[Day]) -> Curve | None:
    """Each day by itself: the target, and what was logged."""
    days = days[-MOST_DAYS:]
    own = [Dated(day=each.day, value=each.value, low=each.low, high=each.high, told=_said(each)) for each in days]
    logged = [
        Dated(day=each.day, value=each.mean_reward, told=f"{each.day}: logged {value(each.mean_reward)}")
        for each in days
    ]
    return curve_of(own, beside=logged)


def known_by(days: Sequence[Day]) -> Curve | None:
    """What was known by the end of each day: the value settles, and its interval narrows."""
    own = [
        Dated(
            day=each.day,
            value=each.cumulative.value,
            low=each.cumulative.low,
            high=each.cumulative.high,
            told=f"By {each.day}: {value(each.cumulative.value)} from {count(each.cumulative.rows)} rows",
        )
        for each in days[-MOST_DAYS:]
        if each.cumulative is not None
    ]
    return curve_of(own)


def curve_of(
    dated: Sequence[Dated], *, beside: Sequence[Dated] = (), about: Dated | None = None, apart: float = 0.0
) -> Curve | None:
    """Lay values out from left to right, one a day that is there; None with fewer than two of them.

    `about` is a range that they are compared with; `apart` moves the two series from one another, in shares of a step.
    """
    if sum(each.value is not None for each in dated) < 2:
        return None
    every = [*dated, *beside, *([] if about is None else [about])]
    numbers = [number for each in every for number in (each.value, each.low, each.high)]
    axis = axis_over(_not_wild(numbers, [each.value for each in every]))
    marks = tuple(_marks(dated, axis, within=0.5 - apart))
    return Curve(
        marks=marks,
        beside=tuple(_marks(beside, axis, within=0.5 + apart)),
        band=_band(marks),
        path=" ".join(f"{each.x},{each.y}" for each in marks),
        ticks=tuple(Tick(round(100.0 - each.at, 3), each.label) for each in axis.ticks(4)),
        days=_few([each.day for each in dated]),
        line=None if about is None or about.value is None else round(100.0 - axis.at(about.value), 3),
        zone=_zone(about, axis),
    )


def _zone(about: Dated | None, axis: Axis) -> tuple[float, float] | None:
    if about is None or about.low is None or about.high is None:
        return None
    low, high = axis.at(about.low), axis.at(about.high)
    return round(100.0 - high, 3), round(high - low, 3)


def _not_wild(numbers: Iterable[float | None], values: Sequence[float | None]) -> list[float]:
    """Ends of intervals far beyond all values are cut, else one thin day would press all others flat."""
    known = [each for each in values if each is not None]
    low, high = min(known), max(known)
    reach = 3.0 * (high - low) or abs(high) or 1.0
    return [min(high + reach, max(low - reach, each)) for each in numbers if each is not None]


def _marks(dated: Sequence[Dated], axis: Axis, *, within: float) -> Iterable[Mark]:
    step = 100.0 / max(1, len(dated))
    for place, each in enumerate(dated):
        if each.value is not None:
            yield Mark(
                x=_across((place + within) * step),
                y=round(100.0 - axis.at(each.value), 3),
                low=None if each.low is None else round(100.0 - axis.at(each.low), 3),
                high=None if each.high is None else round(100.0 - axis.at(each.high), 3),
                told=each.told,
            )


def _band(marks: Sequence[Mark]) -> str:
    known = [each for each in marks if each.low is not None and each.high is not None]
    there = (f"{each.x},{each.high}" for each in known)
    back = (f"{each.x},{each.low}" for each in reversed(known))
    return " ".join((*there, *back))


def _few(days: Sequence[str]) -> tuple[Tick, ...]:
    """The first, the middle and the last day."""
    step = 100.0 / max(1, len(days))
    places = sorted({0, len(days) // 2, len(days) - 1})
    return tuple(Tick(_across((place + 0.5) * step), days[place]) for place in places)


def _across(share: float) -> float:
    """The left is kept free for the numbers of the scale."""
    return round(_FREE + share * (100.0 - _FREE) / 100.0, 3)


def _said(day: Day) -> str:
    ends = "" if day.low is None or day.high is None else f" ({value(day.low)} to {value(day.high)})"
    return f"{day.day}: {value(day.value)}{ends} from {count(day.rows)} rows"
