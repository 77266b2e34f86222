"""Doubly robust with weights that average 1: steadier than `dr` where weights are heavy, for a little bias."""

from typing import final

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.residuals import PredictedTarget, WeightedResidual
from bandit.ope.intervals.interval import NotEstimable
from bandit.ope.terms import One, Term, Weight


@final
class SelfNormalisedDoublyRobust(Estimator):
    """Σ Σ_a π(a|x) q(x, a) / n + Σ w (r − q) / Σ w (Thomas & Brunskill 2016: weighted doubly robust).

    With q = 0 it is SNIPS.
    """

    name = "sndr"
    assumes = "the logged probabilities are true up to one factor; the reward model never saw the viewers it judges"
    needs_predictions = True

    @property
    def terms(self) -> tuple[Term, ...]:
        """(Σ_a π q, 1, w (r − q), w)."""
        return PredictedTarget(), One(), WeightedResidual(), Weight()

    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`."""
        foreseen, rows, missed, weight = totals.tolist()
        if rows == 0.0 or weight == 0.0:
            raise NotEstimable(f"{self.name} has no row to go by: the target would show none of the logged artworks")
        model, correction = foreseen / rows, missed / weight
        gradient = np.array([1.0 / rows, -model / rows, 1.0 / weight, -correction / weight])
        return model + correction, gradient
