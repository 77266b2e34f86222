"""Clipped inverse propensity scoring: no row counts more than a limit. Too low where rewards are above 0."""

import math
from typing import final

from bandit.ope.estimators.grid import GridEstimator
from bandit.ope.estimators.shrinkage import Clipped, kept_reward
from bandit.ope.terms import Term


@final
class ClippedIPS(GridEstimator):
    """Σ min(w, c) r / n with w = π(a|x) / p (Ionides 2008; Bottou et al. 2013: clipped weights).

    What is cut off is Σ max(w − c, 0) r / n: the estimate is a lower one where rewards are not negative.
    """

    name = "clipped_ips"
    assumes = "the logged probabilities are those that were drawn from; what the clip cuts off is small"
    parameter = "clip"
    default_grid = (math.inf, 100.0, 30.0, 10.0, 5.0, 2.0)

    def member(self, value: float) -> tuple[Term, ...]:
        """See `GridEstimator.member`."""
        return (kept_reward(Clipped(value)),)
