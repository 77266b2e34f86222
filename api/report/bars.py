"""Bars: a histogram, and parts of a whole beside one another. Places are percent of the drawing. Knows no page."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.report.found import Found, Histogram, Support
from api.report.numbers import count, percent, plain

_MOST_LABELS = 6
"""As many numbers stand below one another's side on a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a histogram: its height from the bottom, where it begins, and what it says."""

    x: float
    width: float
    height: float
    edge: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A histogram; `most` is what the highest column stands for."""

    columns: tuple[Column, ...]
    most: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a whole."""

    name: str
    x: float
    width: float
    share: float
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number beside the largest of its kind."""

    name: str
    number: float
    width: float
    note: str


def columns_of(histogram: Histogram | None) -> Columns | None:
    """Draw how many decisions weigh how much; columns are equally wide, whatever they span, and empty ends are cut."""
    if histogram is None or not any(histogram.counts):
        return None
    edges, counts = histogram.edges, histogram.counts
    filled = [place for place, number in enumerate(counts) if number]
    places = range(filled[0], filled[-1] + 1)
    total, most, step, every = sum(counts), max(counts), 100.0 / len(places), -(-len(places) // _MOST_LABELS)
    columns = tuple(
        Column(
            x=round(shown * step, 3),
            width=round(step, 3),
            height=round(100.0 * counts[place] / most, 3),
            edge="" if shown % every else plain(edges[place]),
            told=f"{_between(edges, place)}: {count(counts[place])} decisions, {percent(counts[place] / total)}",
        )
        for shown, place in enumerate(places)
    )
    return Columns(columns=columns, most=percent(most / total))


def _between(edges: Sequence[float | None], place: int) -> str:
    """The last column is open, however its edge is written down."""
    if place + 2 >= len(edges):
        return f"weight {plain(edges[place])} and more"
    return f"weight {plain(edges[place])} to {plain(edges[place + 1])}"


def support_of(support: Support | None) -> tuple[Part, ...]:
    """Draw where the target's probability lies: well logged, hardly logged, never logged."""
    if support is None:
        return ()
    never, hardly = support.unsupported_mass, support.below_floor_mass
    floor = "the floor" if support.floor is None else f"a probability of {support.floor:g}"
    shares = (
        (f"on artworks logged with {floor} or more", 1.0 - never - hardly, "good"),
        ("on artworks logged with less", hardly, "warn"),
        ("on artworks that were never logged", never, "bad"),
    )
    parts: list[Part] = []
    before = 0.0
    for name, share, colour in shares:
        parts.append(Part(name=name, x=round(before, 3), width=round(100.0 * share, 3), share=share, colour=colour))
        before += 100.0 * share
    return tuple(parts)


def evidence_of(found: Found) -> tuple[Measure, ...]:
    """Draw what the rows are worth: how many the target itself would have needed to be as sure."""
    known = found.diagnostics
    if known.effective_sample_size is None:
        return ()
    numbers = (
        ("Rows in the log", float(found.rows), ""),
        ("Worth, drawn by the target", known.effective_sample_size, "effective sample size; healthy from 100 on"),
        ("With a reward", known.rewarded_effective_sample_size, "effective; healthy from 100 on"),
    )
    return tuple(
        Measure(name=name, number=number, width=round(100.0 * number / found.rows, 3), note=note)
        for name, number, note in numbers
        if number is not None and found.rows
    )
