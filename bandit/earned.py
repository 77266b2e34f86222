"""What a policy earned on decisions of its own, with the interval that evaluations go by. Knows no log and no forecast.

Streaming and mergeable. Nothing is weighed but what overload left out, so it is SNIPS with every weight 1.
"""

from dataclasses import dataclass

from bandit.ope.batch import Batch
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.intervals.bounds import Bounds
from bandit.ope.intervals.interval import NotEstimable
from bandit.ope.intervals.rule import EVIDENCE, intervals
from bandit.ope.terms import TermSums
from bandit.ope.viewers import ViewerSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """A mean reward a decision, in [0, 1]; no ends on fewer than two rows or viewers."""

    rows: int
    viewers: int
    value: float
    low: float | None
    high: float | None


class Earned:
    """Sums over decisions that a policy drew itself; `target` and `propensity` of the batches are equal."""

    def __init__(self) -> None:
        self._sums = TermSums((*SNIPS().terms, *EVIDENCE))
        self._viewers = ViewerSet()
        self._least, self._most = float("inf"), 0.0

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch that knows its viewers."""
        if len(batch):
            self._sums.add(batch)
            self._viewers.add(batch)
            self._least = min(self._least, float(batch.stands_for.min()))
            self._most = max(self._most, float(batch.stands_for.max()))

    def __add__(self, other: "Earned") -> "Earned":
        both = Earned()
        both._sums, both._viewers = self._sums + other._sums, self._viewers + other._viewers
        both._least, both._most = min(self._least, other._least), max(self._most, other._most)
        return both

    def reading(self, level: float = 0.95) -> Earning:
        """What was earned so far.

        Raises:
            NotEstimable: there is no row.
            ValueError: the level is not inside (0, 1).
        """
        own = self._sums.of(SNIPS().terms)
        settled = SNIPS().settle(own)
        low, high = self._ends(settled.value, level)
        return Earning(rows=own.rows, viewers=len(self._viewers), value=settled.value, low=low, high=high)

    def _ends(self, value: float, level: float) -> tuple[float | None, float | None]:
        """By the rule of all evaluations; where nothing or everything was rewarded, by what was not met.

        Of n independent viewers none earns anything with a probability of (1 − μ)ⁿ at most, if μ is what they
        earn on average: P(X > 0) ≥ E[X] for rewards up to 1.
        """
        own, bounds = self._sums.of(SNIPS().terms), Bounds(weight=(self._least, self._most), heaviest=self._most)
        try:
            found = intervals(
                SNIPS().settle(own), own, evidence=self._sums.of(EVIDENCE), bounds=bounds, level=level
            ).intervals[0]
        except NotEstimable:
            return None, None
        unmet = 1.0 - ((1.0 - level) / 2.0) ** (1.0 / len(self._viewers))
        if value <= 0.0:
            return 0.0, max(found.high, unmet)
        return (min(found.low, 1.0 - unmet), 1.0) if value >= 1.0 else (found.low, found.high)
