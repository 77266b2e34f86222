"""Empirical likelihood from sums: an interval that reckons with the row that was not seen. Knows no log, no estimator.

Every reweighting q of the pieces (rows, or viewers) that makes the mean weight 1, as it must be, and that is not too
far from equal shares, is a world that the log allows; the interval is what the value can be in them. Distance is the
Euclidean member of the Cressie–Read family, so sums and sums of products are all that is needed (Karampatziakis,
Langford & Mineiro 2020, "Empirical likelihood for contextual bandits"; Owen 2001, chapter 3.15). As there, one more
piece is added that was not seen, as bad for the end in question as the bounds of weights and rewards allow.
"""

import math
from dataclasses import dataclass

import numpy as np

from bandit.ope.batch import Floats

_NOTHING_NEW = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """n independent pieces with k terms each: `totals` (k,) and `gram` Σ t tᵀ (k, k)."""

    pieces: int
    totals: Floats
    gram: Floats

    def with_piece(self, piece: Floats) -> "Moments":
        """The same and one more, (k,)."""
        gram = self.gram + np.outer(piece, piece)
        return Moments(pieces=self.pieces + 1, totals=self.totals + piece, gram=gram)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """What is asked of moments: the V that makes Σ (numerator − V · denominator) · t = 0.

    `numerator` and `denominator` (k,); `zero` (m, k) are combinations of terms that are 0 in expectation.
    """

    numerator: Floats
    denominator: Floats
    zero: Floats


def lowest(moments: Moments, question: Question, *, reach: float) -> float:
    """The smallest V within `reach` standard errors that the pieces allow; −∞ where they allow any.

    With the combinations that must be 0 regressed out (which is what the reweighting does), Σ over pieces of
    numerator − V · denominator has mean x₁ − V x₂ and a variance that is quadratic in V; the V for which 0 is within
    `reach` are found as Fieller (1954) does.
    """
    means, spread = _residual(moments, question)
    allowed = reach**2 / (moments.pieces - 1)
    square = means[1] ** 2 - allowed * spread[1, 1]
    if square <= 0.0 or means[1] <= 0.0:
        return -math.inf
    half = means[0] * means[1] - allowed * spread[0, 1]
    rest = means[0] ** 2 - allowed * spread[0, 0]
    return float((half - math.sqrt(max(half**2 - square * rest, 0.0))) / square)


def _residual(moments: Moments, question: Question) -> tuple[Floats, Floats]:
    """Means (2,) and covariance (2, 2) of numerator and denominator, given that what must be 0 is 0.

    Each condition is swept out in turn (Goodnight 1979); one that follows from those before says nothing new.
    """
    asked = np.vstack([question.numerator, question.denominator, question.zero])
    mean = moments.totals / moments.pieces
    means = asked @ mean
    spread = asked @ (moments.gram / moments.pieces - np.outer(mean, mean)) @ asked.T
    whole = spread.diagonal().copy()
    for condition in range(2, len(asked)):
        variance = spread[condition, condition]
        if variance > _NOTHING_NEW * whole[condition]:
            slopes = spread[condition] / variance
            means = means - slopes * means[condition]
            spread = spread - np.outer(slopes, spread[condition])
    return means[:2], spread[:2, :2]
