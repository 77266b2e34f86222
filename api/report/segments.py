"""Where the target does better, and where worse: one forest of segments, the worst first. Knows no page."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.report.forest import Entry, Forest, forest_of
from api.report.found import Segment
from api.report.numbers import count

SHOWN = 15
_NAMED = 5
_COLOURS = {"better": "good", "worse": "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The segments that matter first, the rest folded, and a sentence on where the target loses."""

    first: Forest
    rest: Forest | None
    compared: bool
    sentence: str


def segments_of(segments: Sequence[Segment], *, target: str, baseline: str) -> Segments | None:
    """Draw segments as differences where there is a baseline, else as values; they come the worst first."""
    compared = any(each.difference for each in segments)
    drawn = [each for each in segments if (each.difference if compared else each.estimate) is not None]
    if not drawn:
        return None
    line = 0.0 if compared else None
    entries = [_entry(each, compared) for each in drawn]
    rest = entries[SHOWN:]
    return Segments(
        first=forest_of(entries[:SHOWN], line=line, line_told="No difference" if compared else ""),
        rest=forest_of(rest, line=line) if rest else None,
        compared=compared,
        sentence=_sentence(drawn, target=target, baseline=baseline) if compared else "",
    )


def _entry(segment: Segment, compared: bool) -> Entry:
    span = segment.difference if compared else segment.estimate
    assert span is not None, "only segments that have it are drawn"
    adjusted = "" if segment.adjusted_p is None else f", adjusted p {_p(segment.adjusted_p)}"
    return Entry(
        name=f"{segment.dimension.replace('_', ' ')}: {segment.value}",
        value=span.value,
        low=span.low,
        high=span.high,
        colour=_COLOURS.get(segment.verdict, "beside"),
        note=f"{count(segment.rows)} rows{adjusted}",
    )


def _p(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _sentence(segments: Sequence[Segment], *, target: str, baseline: str) -> str:
    worse = [f"{each.dimension.replace('_', ' ')} {each.value}" for each in segments if each.verdict == "worse"]
    better = sum(each.verdict == "better" for each in segments)
    told = (
        f"Of {len(segments)} segments, {target} is better than {baseline} in {better} and worse in {len(worse)}, "
        "told apart as if all were asked at once."
    )
    if not worse:
        return f"{told} Nowhere is it known to lose."
    more = f" and {len(worse) - _NAMED} more" if len(worse) > _NAMED else ""
    return f"{told} It loses in {', '.join(worse[:_NAMED])}{more}."
