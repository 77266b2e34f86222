"""Drawings of figures as plain numbers for SVG: places in a box of 1000 × 100 that is stretched to fit. Knows no page.

Labels stay outside the drawing, as text, so that they keep their size on a phone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10

WIDTH, HEIGHT = 1000.0, 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars on a scale from 0 to `top`."""

    bars: Sequence[Bar]
    top: float


def bars_of(values: Sequence[float], told: Sequence[str]) -> Bars:
    """Stand values ≥ 0 beside one another."""
    top = nice_top(max(values, default=0.0))
    step = WIDTH / max(1, len(values))
    bars = [
        Bar(
            x=round(place * step + 0.1 * step, 1),
            y=round(HEIGHT - HEIGHT * value / top, 2),
            width=round(0.8 * step, 1),
            height=round(HEIGHT * value / top, 2),
            told=words,
        )
        for place, (value, words) in enumerate(zip(values, told, strict=True))
    ]
    return Bars(bars=bars, top=top)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value with its interval, at the `place`-th of the steps from left to right."""

    place: int
    value: float
    low: float
    high: float
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a point lies in the box: its value between `low` and `high`, which are upside down as drawings are."""

    x: float
    y: float
    low: float
    high: float
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series: its name, its colour by name, its marks, and its path as SVG writes it."""

    name: str
    colour: str
    marks: Sequence[Mark]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Series on a scale from 0 to `top`."""

    lines: Sequence[Line]
    top: float


def lines_of(series: Mapping[str, Sequence[Point]], *, colours: Mapping[str, str], places: int) -> Lines:
    """Draw series over the same places; a gap between two places is no line."""
    top = nice_top(max((point.high for points in series.values() for point in points), default=0.0))
    apart = 0.5 / max(1, len(series))
    drawn = [
        _line(
            name,
            points,
            colour=colours[name],
            scale=(WIDTH / places, 0.5 + apart * (number - (len(series) - 1) / 2), top),
        )
        for number, (name, points) in enumerate(series.items())
    ]
    return Lines(lines=drawn, top=top)


def _line(name: str, points: Sequence[Point], *, colour: str, scale: tuple[float, float, float]) -> Line:
    """`scale`: the width of a step, where in it this series stands (so that intervals lie side by side), the top."""
    step, within, top = scale

    def up(value: float) -> float:
        return round(HEIGHT - HEIGHT * value / top, 2)

    marks = [
        Mark(
            x=round((each.place + within) * step, 1),
            y=up(each.value),
            low=up(each.low),
            high=up(each.high),
            told=each.told,
        )
        for each in points
    ]
    path, before = "", None
    for each, mark in zip(points, marks, strict=True):
        joined = before is not None and each.place == before + 1
        path += f"{'L' if joined else 'M'}{mark.x} {mark.y}"
        before = each.place
    return Line(name=name, colour=colour, marks=marks, path=path)


def nice_top(largest: float) -> float:
    """The least number of the form 1, 2, 2.5 or 5 times a power of ten that is not below `largest`; 1 for nothing."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** ceil(log10(largest) - 1)
    return next(round(power * times, 12) for times in (1, 2, 2.5, 5, 10) if power * times >= largest * (1 - 1e-9))
