"""Inverse propensity scoring: unbiased, and only as steady as its largest weight."""

from typing import final

from bandit.ope.estimators.estimator import RatioEstimator
from bandit.ope.terms import One, Term, WeightedReward


@final
class IPS(RatioEstimator):
    """Σ w r / n with w = π(a|x) / p (Horvitz & Thompson 1952; Precup, Sutton & Singh 2000, eq. 2).

    Unbiased where the log gave every artwork of the target a probability and logged it truly.
    """

    name = "ips"
    assumes = "the logged probabilities are those that were drawn from"

    @property
    def terms(self) -> tuple[Term, ...]:
        """(w r, 1)."""
        return WeightedReward(), One()
