"""Self-normalised inverse propensity scoring: a little bias for much less variance; stays inside the rewards' range."""

from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.estimator import RatioEstimator


@final
class SNIPS(RatioEstimator):
    """Σ w r / Σ w with w = π(a|x) / p (Hájek 1971; Swaminathan & Joachims 2015, eq. 10).

    A constant reward is returned as it is, with an interval of zero width.
    """

    name = "snips"

    def terms(self, batch: Batch) -> Floats:
        """(w r, w)."""
        return np.stack([batch.weights * batch.reward, batch.weights], axis=1)
