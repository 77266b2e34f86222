"""Inverse propensity scoring: unbiased, and only as steady as its largest weight."""

from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.estimator import RatioEstimator


@final
class IPS(RatioEstimator):
    """Σ w r / n with w = π(a|x) / p (Horvitz & Thompson 1952; Precup, Sutton & Singh 2000, eq. 2).

    Unbiased where the log gave every artwork of the target a probability and logged it truly.
    """

    name = "ips"

    def terms(self, batch: Batch) -> Floats:
        """(w r, 1)."""
        return np.stack([batch.weights * batch.reward, np.ones(len(batch))], axis=1)
