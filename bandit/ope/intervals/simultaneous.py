"""Many questions to one log: p-values and intervals that hold together. Knows no log and no estimator.

Whoever looks at forty segments finds two that differ by luck at a level of 95 %. `holm` keeps the chance of even one
false finding under 1 − level, `benjamini_hochberg` the share of false ones among the findings; `simultaneous` widens
intervals until all of them hold at once.
"""

import math

import numpy as np

from bandit.ope.batch import Floats, Integers
from bandit.ope.intervals.quantiles import normal_quantile, student_quantile


def holm(p: Floats) -> Floats:
    """Adjusted p-values (n,) of p-values (n,): where those under α are findings, one is false with chance α at most.

    Holm 1979; holds however the questions hang together. A question that could not be asked (NaN) stays NaN and counts
    for none.
    """
    asked = _asked(p)
    order = np.argsort(p[asked], kind="stable")
    left = len(asked) - np.arange(len(asked))
    stepped = np.maximum.accumulate(p[asked][order] * left)
    return _in_place(stepped, asked[order], length=len(p))


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjusted p-values (n,) of p-values (n,): of those under α, at most a share of α is false in expectation.

    Benjamini & Hochberg 1995; holds for independent questions and for those that go up and down together. NaN as in
    `holm`.
    """
    asked = _asked(p)
    order = np.argsort(-p[asked], kind="stable")
    rank = len(asked) - np.arange(len(asked))
    stepped = np.minimum.accumulate(p[asked][order] * len(asked) / rank)
    return _in_place(stepped, asked[order], length=len(p))


def simultaneous(
    values: Floats, errors: Floats, *, level: float = 0.95, degrees: float | None = None
) -> tuple[Floats, Floats]:
    """Ends (n,), (n,) of intervals around values (n,) with standard errors (n,) that hold all at once with `level`.

    Each has the level^(1/n) that independent ones would need, which is enough however the values hang together
    (Šidák 1967, for two-sided intervals of normal values). `degrees` of Student's t; None: normal. Values that are
    not finite get no interval (NaN) and count for none.

    Raises:
        ValueError: the level is not inside (0, 1).
    """
    asked = int(np.isfinite(values).sum())
    reach = errors * simultaneous_quantile(asked, level=level, degrees=degrees)
    return values - reach, values + reach


def simultaneous_quantile(questions: int, *, level: float = 0.95, degrees: float | None = None) -> float:
    """How many standard errors each of so many intervals reaches for all to hold at once; see `simultaneous`."""
    each = level_of_each(questions, level=level)
    return normal_quantile(each) if degrees is None else student_quantile(each, degrees)


def level_of_each(questions: int, *, level: float = 0.95) -> float:
    """The level of each of so many intervals for all to hold at once; see `simultaneous`, also for what it raises."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level of {level} is no confidence level: give one inside (0, 1), such as 0.95")
    return math.exp(math.log(level) / max(questions, 1))


def _asked(p: Floats) -> Integers:
    if np.any((p < 0.0) | (p > 1.0)):
        raise ValueError("a p-value lies outside 0 to 1: give probabilities")
    return np.flatnonzero(~np.isnan(p))


def _in_place(adjusted: Floats, places: Integers, *, length: int) -> Floats:
    whole = np.full(length, np.nan)
    whole[places] = np.minimum(adjusted, 1.0)
    return whole
