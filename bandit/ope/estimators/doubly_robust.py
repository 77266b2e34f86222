"""Doubly robust: a reward model, corrected by what it missed on the log. Unbiased where propensities are true."""

from typing import final

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.means import mean_of
from bandit.ope.estimators.residuals import PredictedTarget, WeightedResidual
from bandit.ope.terms import One, Term


@final
class DoublyRobust(Estimator):
    """Σ (Σ_a π(a|x) q(x, a) + w (r − q)) / n (Robins & Rotnitzky 1995; Dudík, Langford & Li 2011).

    q is fitted on other viewers' rows. Unbiased if the propensities or the model are true; the better the model, the
    less the weights matter. With q = 0 it is IPS.
    """

    name = "dr"
    assumes = (
        "the logged probabilities are those that were drawn from; the reward model never saw the viewers it judges"
    )
    needs_predictions = True

    @property
    def terms(self) -> tuple[Term, ...]:
        """(Σ_a π q, w (r − q), 1)."""
        return PredictedTarget(), WeightedResidual(), One()

    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`."""
        return mean_of(totals, np.array([1.0, 1.0, 0.0]), count=2)
