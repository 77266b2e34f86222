"""Replay: the mean reward of the rows on which the target agrees with the log. For logs drawn uniformly."""

from typing import final

from bandit.ope.estimators.estimator import RatioEstimator
from bandit.ope.terms import AgreedReward, Agreement, Term


@final
class Replay(RatioEstimator):
    """Σ π(a|x) r / Σ π(a|x): the mean over the target's draws of replay (Li, Chu, Langford & Wang 2011, alg. 2).

    A row is taken when a draw of the target equals the logged artwork, which happens with probability π(a|x); the
    share of rows taken is the take fraction. Consistent only where every row was logged with one and the same
    propensity (each title with the same number of artworks, drawn uniformly); there it equals SNIPS.
    """

    name = "replay"
    assumes = "every row was logged with one and the same probability"
    comparable = False  # Each policy takes other rows.

    @property
    def terms(self) -> tuple[Term, ...]:
        """(π r, π)."""
        return AgreedReward(), Agreement()
