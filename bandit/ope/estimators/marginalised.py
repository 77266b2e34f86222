"""Marginalised IPS over how artworks look: an artwork stands for those that look like it. Knows no vectors."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.grid import GridEstimator
from bandit.ope.terms import Term


@final
@dataclass(frozen=True)
class AlikeReward(Term):
    """w r, w = Σ_a π(a|x) kˢ / Σ_a p(a|x) kˢ over the eligible artworks, k their likeness to the one that was shown.

    The sharpness s is above 0; at ∞ only what looks the same counts (k = 1). The batch must know likeness.
    """

    sharpness: float

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        eligible = batch.eligible
        if eligible is None or eligible.likeness is None:
            raise ValueError("this batch does not know how alike its artworks look: see bandit.ope.likeness")
        alike = _sharpened(eligible.likeness, self.sharpness)
        weights = eligible.row_sums(eligible.target * alike) / eligible.row_sums(eligible.logged * alike)
        return weights * batch.reward


@final
class MIPS(GridEstimator):
    """Σ w r / n with w = Σ_a π(a|x) kˢ / Σ_a p(a|x) kˢ (Saito & Joachims 2022).

    The paper divides the probabilities of an embedding; here every artwork is one, with likeness as its kernel. Where
    only the artwork itself is alike (one-hot embeddings, s = ∞), it is IPS. The likeness is as sharp as the rule says;
    what an artwork earns beyond how it looks is bias.
    """

    name = "mips"
    assumes = "artworks that look alike earn alike"
    needs_likeness = True
    parameter = "sharpness"
    default_grid = (math.inf, 256.0, 64.0, 16.0, 4.0, 1.0)

    def member(self, value: float) -> tuple[Term, ...]:
        """See `GridEstimator.member`."""
        return (AlikeReward(value),)


def _sharpened(likeness: Floats, sharpness: float) -> Floats:
    return (likeness >= 1.0).astype(np.float64) if math.isinf(sharpness) else likeness**sharpness
