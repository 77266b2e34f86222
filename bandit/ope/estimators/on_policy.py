"""Plain means over the log: what the logging policy earned, and two means that tell whether weights can be right."""

from typing import final

from bandit.ope.estimators.estimator import RatioEstimator
from bandit.ope.terms import One, Reward, Term, Weight


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
