"""Estimators with a hyper-parameter: the same value under each of a grid, and a rule that picks one by the data.

Knows no shrinkage. All members of the grid are summed in one pass, so the rule sees each one's value and error.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.estimators.estimator import Estimator, Settled
from bandit.ope.estimators.means import mean_of
from bandit.ope.estimators.rules import Rule, least_mse_bound, slope
from bandit.ope.intervals.interval import NotEstimable, default_method, standard_error
from bandit.ope.terms import Chosen, One, Term, Weight


class GridEstimator(Estimator):
    """Members Σ (terms of the member) / n, one for each value of `parameter`; the first is the least biased."""

    parameter: str
    default_grid: tuple[float, ...]

    def __init__(self, fixed: float | None = None, *, rule: Rule = Rule.SLOPE, reward_span: float = 1.0) -> None:
        """`fixed` is the hyper-parameter; None: the rule picks one of `default_grid`.

        `reward_span` is by how much two rewards can differ at most, which the rule "mse_bound" needs to bound a bias.

        Raises:
            ValueError: a hyper-parameter that is not above 0.
        """
        if fixed is not None and not fixed > 0.0:
            raise ValueError(f"{self.name} needs a {self.parameter} above 0, not {fixed}")
        self._rule = rule if fixed is None else Rule.FIXED
        self._grid = self.default_grid if fixed is None else (math.inf, fixed)
        self._reward_span = reward_span
        super().__init__()

    @abstractmethod
    def member(self, value: float) -> tuple[Term, ...]:
        """The terms that are added up and divided by n where the hyper-parameter has this value."""

    @abstractmethod
    def kept(self, value: float) -> Term:
        """What is left of a row's weight there."""

    @property
    @final
    def terms(self) -> tuple[Term, ...]:
        """n, then those of all members; for the rule "mse_bound" also the weight that each leaves."""
        members = [term for value in self._grid for term in self.member(value)]
        kept = [Weight(), *map(self.kept, self._grid)] if self._rule is Rule.MSE_BOUND else []
        return tuple(dict.fromkeys([One(), *members, *kept]))

    @final
    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`: that of the least biased member."""
        return self._mean(self._grid[0], totals)

    @final
    def settle(self, sums: Chosen) -> Settled:
        """See `Estimator.settle`: the member that the rule picks."""
        totals = sums.totals
        members = [Settled(value=value, gradient=slopes) for value, slopes in self._means(totals)]
        place = self._place(members, sums)
        limit = self._grid[place]
        chosen = {self.parameter: limit if math.isfinite(limit) else "infinite", "rule": self._rule.value}
        return replace(members[place], chosen=chosen, unbiased=members[0])

    def _place(self, members: Sequence[Settled], sums: Chosen) -> int:
        if self._rule is Rule.FIXED:
            return len(members) - 1
        try:
            method = default_method(sums)
            errors = [standard_error(member.gradient, sums=sums, method=method) for member in members]
        except NotEstimable:
            return 0
        if self._rule is Rule.SLOPE:
            return slope([member.value for member in members], errors)
        return least_mse_bound(errors, self._biases(sums.totals))

    def _biases(self, totals: Floats) -> list[float]:
        """|bias| ≤ span · E[w − ŵ]: no row's reward (or residual) is off by more than the span."""
        sums = dict(zip(self.terms, totals.tolist(), strict=True))
        lost = [sums[Weight()] - sums[self.kept(value)] for value in self._grid]
        return [self._reward_span * each / sums[One()] for each in lost]

    def _means(self, totals: Floats) -> list[tuple[float, Floats]]:
        return [self._mean(value, totals) for value in self._grid]

    def _mean(self, value: float, totals: Floats) -> tuple[float, Floats]:
        member = self.member(value)
        return mean_of(totals, np.array([float(term in member) for term in self.terms]), count=0)
