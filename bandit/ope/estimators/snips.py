"""Self-normalised inverse propensity scoring: a little bias for much less variance; stays inside the rewards' range."""

from typing import final

from bandit.ope.estimators.estimator import RatioEstimator
from bandit.ope.terms import Term, Weight, WeightedReward


@final
class SNIPS(RatioEstimator):
    """Σ w r / Σ w with w = π(a|x) / p (Hájek 1971; Swaminathan & Joachims 2015, eq. 10).

    A constant reward is returned as it is, with an interval of zero width.
    """

    name = "snips"
    assumes = "the logged probabilities are true up to one factor"

    @property
    def terms(self) -> tuple[Term, ...]:
        """(w r, w)."""
        return WeightedReward(), Weight()
