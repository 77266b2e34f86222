"""Plain means over the log: what the logging policy earned, and two means that tell whether weights can be right."""

from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.estimator import RatioEstimator


@final
class LoggingMean(RatioEstimator):
    """Σ r / n: the value of the policy (or policies) that wrote the log, observed, not estimated from another's."""

    name = "mean_reward"

    def terms(self, batch: Batch) -> Floats:
        """(r, 1)."""
        return np.stack([batch.reward, np.ones(len(batch))], axis=1)


@final
class MeanWeight(RatioEstimator):
    """Σ w / n: 1 in expectation where propensities are true and the log supports all of the target."""

    name = "mean_weight"

    def terms(self, batch: Batch) -> Floats:
        """(w, 1)."""
        return np.stack([batch.weights, np.ones(len(batch))], axis=1)
