"""Intervals below one another on one scale: estimates, differences, segments, artworks. Knows no page.

Places are percent of the drawing's width. An end that is unknown or beyond the scale is open: an arrow is drawn there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from api.report.axis import Axis, Tick, axis_over
from api.report.found import Estimate, Interval
from api.report.words import method_in_words

_FARTHEST = 4.0
"""An interval may stretch the scale to so many times the spread of the values and leading intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a row shows: `thin` are further intervals of the same value."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    colour: str = "target"
    note: str = ""
    thin: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval on the scale; an open end is one that lies beyond it or nowhere."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry and where it lies."""

    entry: Entry
    value: float
    bar: Bar | None
    thin: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Rows on one scale, with a line at what they are compared with."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    line: float | None = None
    line_told: str = ""


def entry_of(estimate: Estimate, *, name: str = "", colour: str = "target", note: str = "") -> Entry:
    """An estimate by its default interval, with the others beside."""
    own = estimate.interval
    return Entry(
        name=name or estimate.estimator,
        value=estimate.value,
        low=own.low if own else None,
        high=own.high if own else None,
        colour=colour,
        note=note,
        thin=tuple(each for each in estimate.intervals if each != own),
    )


def forest_of(entries: Sequence[Entry], *, line: float | None = None, line_told: str = "") -> Forest:
    """Lay entries out on a scale that holds their values, their intervals, and the line."""
    axis = _axis(entries, line)
    return Forest(
        rows=tuple(_row(each, axis) for each in entries),
        ticks=axis.ticks(),
        line=None if line is None else axis.at(line),
        line_told=line_told,
    )


def _axis(entries: Iterable[Entry], line: float | None) -> Axis:
    entries = [*entries]
    own = axis_over([line, *(number for each in entries for number in (each.value, each.low, each.high))])
    wide = _FARTHEST * (own.end - own.start)
    ends = [end for each in entries for thin in each.thin for end in (thin.low, thin.high)]
    near = [end for end in ends if end is not None and own.start - wide <= end <= own.end + wide]
    return axis_over([own.start, own.end, *near]) if near else own


def _row(entry: Entry, axis: Axis) -> Row:
    known = entry.low is not None or entry.high is not None
    return Row(
        entry=entry,
        value=axis.at(entry.value),
        bar=_bar(entry.low, entry.high, axis=axis) if known else None,
        thin=tuple(_bar(each.low, each.high, axis=axis, told=_said(each)) for each in entry.thin),
    )


def _bar(low: float | None, high: float | None, *, axis: Axis, told: str = "") -> Bar:
    return Bar(
        low=0.0 if low is None else axis.at(low),
        high=100.0 if high is None else axis.at(high),
        open_low=not axis.holds(low),
        open_high=not axis.holds(high),
        told=told,
    )


def _said(interval: Interval) -> str:
    return f"{interval.level:.0%} {method_in_words(interval.method)}"
