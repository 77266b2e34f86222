"""Segments as they are told: values, differences, and which of these are no luck. Knows no batch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from bandit.ope.groups import Group, Reading, ratio_gradient, read_ratio, reading
from bandit.ope.intervals.simultaneous import holm

FEWEST_ROWS = 30
FEWEST_EFFECTIVE = 10.0
_NAMED = 5

ONE, REWARD, WEIGHT, WEIGHTED, BASE_WEIGHT, BASE_WEIGHTED = range(6)
"""The places of the terms 1, r, w and w r among a segment's sums, then of the baseline's w and w r, if any."""


class Verdict(StrEnum):
    """What the log says of the target in a segment, beside what it is compared with."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One value of one dimension. `estimate` and `difference` are None where too little was logged to tell.

    The difference is to the baseline on the same rows, or where there is none to what was logged on them.
    `viewers` is None where the log does not know them, and about right beyond 512 (`bandit.ope.distinct`).
    """

    dimension: str
    value: str
    rows: int
    viewers: int | None
    estimate: Reading | None
    difference: Reading | None
    adjusted_p: float | None = None
    verdict: Verdict = Verdict.UNCLEAR

    def to_json(self) -> dict[str, Any]:
        """As on the wire."""
        return {
            "dimension": self.dimension,
            "value": self.value,
            "rows": self.rows,
            "viewers": self.viewers,
            "estimate": None if self.estimate is None else self.estimate.to_json(),
            "difference": None if self.difference is None else self.difference.to_json(),
            "p_value": None if self.difference is None else self.difference.p_value,
            "adjusted_p": self.adjusted_p,
            "verdict": self.verdict.value,
        }


def read_segment(name: tuple[str, str], group: Group, *, viewers: int | None, level: float) -> Segment:
    """Read a segment's sums, by its dimension and value; no verdict yet."""
    told = _enough(group)
    return Segment(
        dimension=name[0],
        value=name[1],
        rows=group.rows,
        viewers=viewers,
        estimate=read_ratio(group, over=WEIGHTED, under=WEIGHT, level=level) if told else None,
        difference=_difference(group, level) if told else None,
    )


def _enough(group: Group) -> bool:
    """Whether so many rows, and viewers or rows that the target's weight lies on, have a spread to go by."""
    if group.products is None:
        weights = group.pieces[:, WEIGHT]
        squares = float(weights @ weights)
    else:
        squares = float(group.products[WEIGHT, WEIGHT])
    effective = float(group.totals[WEIGHT]) ** 2 / squares if squares else 0.0
    return group.rows >= FEWEST_ROWS and effective >= FEWEST_EFFECTIVE


def _difference(group: Group, level: float) -> Reading | None:
    totals = group.totals
    over, under = (BASE_WEIGHTED, BASE_WEIGHT) if len(totals) > BASE_WEIGHT else (REWARD, ONE)
    if totals[under] == 0.0:
        return None
    value = float(totals[WEIGHTED] / totals[WEIGHT] - totals[over] / totals[under])
    gradient = ratio_gradient(totals, over=WEIGHTED, under=WEIGHT) - ratio_gradient(totals, over=over, under=under)
    return reading(group, value, gradient=gradient, level=level)


def judged(segments: Sequence[Segment], *, level: float) -> tuple[Segment, ...]:
    """Adjust the p-values over all segments, judge with chance 1 − level of a single error, and put the worst first."""
    asked = np.array([math.nan if one.difference is None else one.difference.p_value for one in segments])
    adjusted: list[float] = holm(asked).tolist()
    found = [_judged(one, p, 1.0 - level) for one, p in zip(segments, adjusted, strict=True)]
    return tuple(sorted(found, key=lambda one: (_standing(one), one.dimension, one.value)))


def _judged(segment: Segment, adjusted: float, risk: float) -> Segment:
    if segment.difference is None:
        return segment
    verdict = Verdict.UNCLEAR
    if adjusted <= risk:
        verdict = Verdict.WORSE if segment.difference.value < 0.0 else Verdict.BETTER
    return replace(segment, adjusted_p=adjusted, verdict=verdict)


def _standing(segment: Segment) -> float:
    """−1 for what is surely worse to 1 for what is surely better, 2 where nothing is known."""
    if segment.difference is None:
        return 2.0
    return math.copysign(1.0 - segment.difference.p_value, segment.difference.value)


def where_it_loses(segments: Sequence[Segment]) -> str:
    """One sentence: where the target earns less, as far as the log can tell."""
    asked = [one for one in segments if one.difference is not None]
    worse = [one for one in asked if one.verdict is Verdict.WORSE]
    better = sum(one.verdict is Verdict.BETTER for one in asked)
    if not asked:
        return "No segment has enough rows to tell where the target loses."
    unclear = f"it earns more in {better}, and of {len(asked) - better - len(worse)} the log cannot tell."
    if not worse:
        return f"In none of {len(asked)} segments does the log show that the target earns less; {unclear}"
    named = "; ".join(_named(worse[:_NAMED]))
    more = f" and {len(worse) - _NAMED} more" if len(worse) > _NAMED else ""
    return f"The target earns less in {len(worse)} of {len(asked)} segments: {named}{more}; {unclear}"


def _named(segments: Sequence[Segment]) -> Iterator[str]:
    for one in segments:
        if one.difference is not None:
            gap = one.difference
            yield f"{one.dimension} {one.value} ({gap.value:+.4f}, {gap.low:+.4f} to {gap.high:+.4f})"
