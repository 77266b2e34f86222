"""What a log says before any target: what the logging policy earned, what uniform would have, and the mean weight."""

from typing import final

from bandit.ope.estimators.estimator import RatioEstimator
from bandit.ope.terms import OfUniform, One, Reward, Term, Weight, WeightedReward


@final
class LoggingMean(RatioEstimator):
    """Σ r / n: the value of the policy (or policies) that wrote the log, observed, not estimated from another's."""

    name = "mean_reward"

    @property
    def terms(self) -> tuple[Term, ...]:
        """(r, 1)."""
        return Reward(), One()


@final
class MeanWeight(RatioEstimator):
    """Σ w / n: 1 in expectation where propensities are true and the log supports all of the target."""

    name = "mean_weight"

    @property
    def terms(self) -> tuple[Term, ...]:
        """(w, 1)."""
        return Weight(), One()


@final
class UniformValue(RatioEstimator):
    """IPS with uniform as the target (`bandit.ope.estimators.ips`): what showing artworks at random would earn.

    Only where every row knows its eligible artworks, and each of them could be shown.
    """

    name = "ips"

    @property
    def terms(self) -> tuple[Term, ...]:
        """(w r, 1) with w = 1 / (p K) for K eligible artworks."""
        return OfUniform(WeightedReward()), One()
