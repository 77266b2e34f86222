"""One comparison of a cell with control: how large, how sure at one look and at all, and which way it points."""

import math
from dataclasses import dataclass
from enum import StrEnum

from bandit.experiments.effects import MOST_TELLING_REACH, Bounds, Effect, Metric, effect
from bandit.experiments.rules import Guardrail
from bandit.experiments.variety import EffectiveTitles
from bandit.ope.batch import Floats


class Standing(StrEnum):
    """Which way a comparison points, at all looks: SAME is inside the smallest lift that matters, either way."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: of which cell, at which risk, from which relative `lift` on it matters.

    `smallest` is that lift as a difference, where it was fixed before; a `guardrail` is harmed or not, never won.
    """

    cell: str
    risk: float
    lift: float
    smallest: float | None = None
    guardrail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A cell's `value` of a metric beside control's.

    `difference` is adjusted for the time before (diversity: it is the logarithm of the ratio). `low` and `high` bound
    it at one look, `always_low` and `always_high` at all looks at once, `lift_low` and `lift_high` the relative lift at
    all looks. `reduction` is the part of the variance that the adjustment took off.
    """

    cell: str
    metric: str
    guardrail: bool
    control: float
    value: float
    difference: float
    low: float
    high: float
    always_low: float
    always_high: float
    lift: float
    lift_low: float
    lift_high: float
    p_value: float
    reduction: float
    standing: Standing
    more_needed: float
    """How many times as many viewers as so far would tell a difference of the smallest lift from none."""


def compared(
    control: Floats, treated: Floats, metric: Metric, *, question: Question, adjusted: bool = True
) -> Comparison | None:
    """Compare two cells by their pieces (g, 8); None where one has nothing to divide by."""
    found = effect(control, treated, metric, adjusted=adjusted)
    if found is None:
        return None
    smallest = question.smallest or question.lift * abs(found.control) or question.lift
    always = found.at_all_looks(question.risk, smallest=smallest)
    lift_scale = found.lift_error / found.error if found.error else math.nan
    half = (always.high - always.low) / 2 * lift_scale
    lift = Bounds(found.lift - half, found.lift + half)
    return _comparison(found, metric.name, question=question, always=always, lift=lift, more=metric.more_is_better)


def compare_variety(
    control: EffectiveTitles | None, treated: EffectiveTitles | None, *, question: Question
) -> Comparison | None:
    """Compare how many different titles are watched, by the logarithm of the ratio; None where one cannot be told."""
    if control is None or treated is None:
        return None
    found = Effect(
        control=control.number,
        value=treated.number,
        difference=treated.log - control.log,
        error=math.hypot(control.error, treated.error),
        lift_error=math.nan,
        pieces=min(control.pieces, treated.pieces),
    )
    always = found.at_all_looks(question.risk, smallest=math.log1p(question.lift))
    lift = Bounds(math.expm1(always.low), math.expm1(min(always.high, 700.0)))
    return _comparison(found, Guardrail.DIVERSITY.value, question=question, always=always, lift=lift, more=True)


def _comparison(
    found: Effect, metric: str, *, question: Question, always: Bounds, lift: Bounds, more: bool
) -> Comparison:
    once = found.at_one_look(1.0 - question.risk)
    of_ratio = metric == Guardrail.DIVERSITY.value
    smallest = math.log1p(question.lift) if of_ratio else question.smallest or question.lift * abs(found.control)
    return Comparison(
        cell=question.cell,
        metric=metric,
        guardrail=question.guardrail,
        control=found.control,
        value=found.value,
        difference=found.difference,
        low=once.low,
        high=once.high,
        always_low=always.low,
        always_high=always.high,
        lift=math.expm1(found.difference) if of_ratio else found.lift,
        lift_low=lift.low,
        lift_high=lift.high,
        p_value=found.p_value,
        reduction=found.reduction,
        standing=_standing(always, smallest, more),
        more_needed=max(1.0, (MOST_TELLING_REACH * found.error / smallest) ** 2) if smallest else math.nan,
    )


def _standing(always: Bounds, smallest: float, more_is_better: bool) -> Standing:
    low, high = (always.low, always.high) if more_is_better else (-always.high, -always.low)
    if low > 0:
        return Standing.BETTER
    if high < 0:
        return Standing.WORSE
    return Standing.SAME if -smallest < low and high < smallest else Standing.OPEN
