"""Switch doubly robust: correct by the log where weights are light, trust the model where they are heavy."""

import math
from typing import final

from bandit.ope.estimators.grid import GridEstimator
from bandit.ope.estimators.residuals import PredictedTarget
from bandit.ope.estimators.shrinkage import Switched, kept_residual
from bandit.ope.terms import Term


@final
class SwitchDR(GridEstimator):
    """Σ (Σ_a π(a|x) q(x, a) + w 1[w ≤ τ] (r − q)) / n (Wang, Agarwal & Dudík 2017).

    τ = ∞ is `dr`, τ = 0 would be `dm`.
    """

    name = "switch_dr"
    assumes = "the logged probabilities are those that were drawn from; the model is right where weights are heavy"
    needs_predictions = True
    parameter = "threshold"
    default_grid = (math.inf, 100.0, 30.0, 10.0, 5.0, 2.0)

    def member(self, value: float) -> tuple[Term, ...]:
        """See `GridEstimator.member`."""
        return PredictedTarget(), kept_residual(Switched(value))
