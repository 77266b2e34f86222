"""The direct method: what a reward model foresees of the target. As right as the model, whatever was logged."""

from dataclasses import replace
from typing import final

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.estimators.doubly_robust import DoublyRobust
from bandit.ope.estimators.estimator import Estimator, Settled
from bandit.ope.estimators.means import mean_of
from bandit.ope.terms import Chosen, Term


@final
class DirectMethod(Estimator):
    """Σ_i Σ_a π(a|x_i) q(x_i, a) / n (Dudík, Langford & Li 2011), q fitted on other viewers' rows.

    The spread of what a model foresees says nothing of how wrong it is, so the interval also holds that of `dr`.
    """

    name = "dm"
    assumes = "the reward model is right about every artwork that the target would show"
    needs_predictions = True

    @property
    def terms(self) -> tuple[Term, ...]:
        """Those of `dr`: (Σ_a π q, w (r − q), 1)."""
        return DoublyRobust().terms

    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`."""
        return mean_of(totals, np.array([1.0, 0.0, 0.0]), count=2)

    def settle(self, sums: Chosen) -> Settled:
        """See `Estimator.settle`: what `dr` corrects by is told as the unbiased value."""
        return replace(super().settle(sums), unbiased=DoublyRobust().settle(sums))
