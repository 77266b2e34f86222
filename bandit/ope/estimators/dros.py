"""Doubly robust with optimistic shrinkage: heavy weights fade out instead of being cut off."""

import math
from typing import final

from bandit.ope.estimators.grid import GridEstimator
from bandit.ope.estimators.residuals import PredictedTarget
from bandit.ope.estimators.shrinkage import Shrunk, kept_residual
from bandit.ope.terms import Term


@final
class DRos(GridEstimator):
    """Σ (Σ_a π(a|x) q(x, a) + λ w / (w² + λ) (r − q)) / n (Su, Dimakopoulou, Krishnamurthy & Dudík 2020).

    λ = ∞ is `dr`, λ = 0 would be `dm`.
    """

    name = "dros"
    assumes = "the logged probabilities are those that were drawn from; the model is right where weights are heavy"
    needs_predictions = True
    parameter = "shrinkage"
    default_grid = (math.inf, 10_000.0, 1_000.0, 100.0, 10.0, 2.0)

    def member(self, value: float) -> tuple[Term, ...]:
        """See `GridEstimator.member`."""
        return PredictedTarget(), kept_residual(Shrunk(value))
