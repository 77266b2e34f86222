"""What pessimistic estimators share: a lower bound for each of a grid of parameters, the largest of which is picked.

Knows no formula of a row. The bounds hold at every number of rows, and for all of the grid at once.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.estimator import Estimator, Settled
from bandit.ope.estimators.means import mean_of
from bandit.ope.intervals.interval import NotEstimable
from bandit.ope.terms import Chosen, One, Term, WeightedReward

RULE = "largest_lower_bound"


@final
@dataclass(frozen=True)
class OutsideReward(Term):
    """1 where the reward is below 0 or above the largest, else 0."""

    largest: float

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return ((batch.reward < 0.0) | (batch.reward > self.largest)).astype(np.float64)


class Pessimistic(Estimator):
    """Members that are lower than IPS by a little, and whose chance of being above the truth is bounded."""

    comparable = False
    parameter: str
    grid: tuple[float, ...]
    largest_reward: float

    def __init__(self, fixed: float | None = None, *, largest_reward: float | None = None, miss: float = 0.05) -> None:
        """`fixed` is the parameter; None: that of the grid with the largest bound.

        `miss` is the chance with which the lower bound may be above the truth; rewards lie in 0 to `largest_reward`
        (None: the estimator's own).

        Raises:
            ValueError: a parameter that is not above 0, or a chance outside (0, 1).
        """
        if fixed is not None and not fixed > 0.0:
            raise ValueError(f"{self.name} needs a {self.parameter} above 0, not {fixed}")
        if not 0.0 < miss < 1.0:
            raise ValueError(f"a chance of {miss} is none: give one inside (0, 1), such as 0.05")
        self._grid = self.grid if fixed is None else (fixed,)
        self._rule = RULE if fixed is None else "fixed"
        self._largest = self.largest_reward if largest_reward is None else largest_reward
        self._miss = miss
        super().__init__()

    @abstractmethod
    def member(self, value: float) -> Term:
        """The term that is averaged where the parameter has this value."""

    @abstractmethod
    def allowance(self, value: float) -> float:
        """What to take off, once divided by the number of independent rows and times ln(1 / chance)."""

    @property
    @final
    def terms(self) -> tuple[Term, ...]:
        """(1, outside, w r, then each member)."""
        return One(), OutsideReward(self._largest), WeightedReward(), *(self.member(value) for value in self._grid)

    @final
    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`: that of the first member."""
        return self._mean(3, totals)

    @final
    def settle(self, sums: Chosen) -> Settled:
        """See `Estimator.settle`: the member with the largest lower bound, which `chosen` tells."""
        totals = sums.totals
        means = [self._mean(3 + place, totals) for place in range(len(self._grid))]
        spent = math.log(len(self._grid) / self._miss) / _independent(sums)  # a union over the grid
        bounds = [mean - self.allowance(value) * spent for value, (mean, _) in zip(self._grid, means, strict=True)]
        place = bounds.index(max(bounds))
        mean, gradient = means[place]
        ips, slopes = self._mean(2, totals)
        return Settled(
            value=mean,
            gradient=gradient,
            chosen={self.parameter: self._grid[place], "lower_bound": bounds[place], "rule": self._rule},
            unbiased=Settled(value=ips, gradient=slopes),
        )

    def _mean(self, place: int, totals: Floats) -> tuple[float, Floats]:
        if totals[1] > 0.0:
            raise NotEstimable(f"{self.name} is for rewards of 0 to {self._largest:g} only: state their range")
        return mean_of(totals, np.eye(len(totals))[place], count=0)


def _independent(sums: Chosen) -> float:
    """As many independent rows as Hölder's inequality leaves: all decisions over those of the viewer who has most.

    Rows of one viewer hang together in any way (Janson 2004); that viewer bounds by how much a draw moves the mean.
    Without viewers, rows that were kept with several probabilities count as many as Kish's (1965) effective ones.
    """
    decisions = float(sums.totals[0])
    if sums.viewer_pieces:
        return decisions / float(sums.viewer_sums()[:, 0].max())
    return decisions**2 / float(sums.row_gram()[0, 0])
