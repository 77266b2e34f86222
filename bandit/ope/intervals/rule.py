"""The default interval, by a rule that reads the log's own sums. Knows no estimator's formula and no policy."""

from dataclasses import dataclass

from bandit.ope.estimators.estimator import Settled
from bandit.ope.intervals.bounds import Bounds
from bandit.ope.intervals.interval import Interval, Method, interval_around
from bandit.ope.terms import Chosen, OfBaseline, One, Term, Weight, WeightedReward

EVIDENCE: tuple[Term, ...] = (One(), Weight(), WeightedReward())
"""The terms whose sums the rule reads beside the estimator's own."""

PAIRED_EVIDENCE: tuple[Term, ...] = (*EVIDENCE, OfBaseline(Weight()), OfBaseline(WeightedReward()))
"""The same for a paired difference of the target and a baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """All intervals of one estimate, the one to go by first, and the sentence that says why it is that one."""

    intervals: tuple[Interval, ...]
    why: str


def intervals(settled: Settled, own: Chosen, *, evidence: Chosen, bounds: Bounds, level: float = 0.95) -> Ruling:
    """The intervals of an estimate with sums `own`.

    `evidence` are the sums of `EVIDENCE`, or of `PAIRED_EVIDENCE` where the estimate is a paired difference.

    Raises:
        NotEstimable: fewer than two rows or viewers.
        ValueError: the level is not inside (0, 1).
    """
    default = interval_around(settled.value, gradient=settled.gradient, sums=own, level=level, method=None)
    by_row = default.method is Method.NORMAL
    return Ruling(
        intervals=(default,),
        why="no viewer has two rows: each row is evidence by itself"
        if by_row
        else "viewers repeat: the rows of one viewer are one piece of evidence",
    )
