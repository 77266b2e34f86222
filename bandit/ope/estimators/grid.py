"""Estimators with a hyper-parameter: the same value under each of a grid, and a rule that picks one by the data.

Knows no shrinkage. All members of the grid are summed in one pass, so the rule sees each one's value and error.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import final

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.estimators.estimator import Estimator, Settled
from bandit.ope.estimators.means import mean_of
from bandit.ope.estimators.rules import Rule, mse_bound, slope
from bandit.ope.intervals.interval import NotEstimable, default_method, standard_error
from bandit.ope.terms import Chosen, One, Term


class GridEstimator(Estimator):
    """Members Σ (terms of the member) / n, one for each value of `parameter`; the first is the least biased."""

    parameter: str
    default_grid: tuple[float, ...]

    def __init__(self, fixed: float | None = None, *, rule: Rule = Rule.MSE_BOUND) -> None:
        """`fixed` is the hyper-parameter; None: the rule picks one of `default_grid`.

        Raises:
            ValueError: a hyper-parameter that is not above 0.
        """
        if fixed is not None and not fixed > 0.0:
            raise ValueError(f"{self.name} needs a {self.parameter} above 0, not {fixed}")
        self._rule = rule if fixed is None else Rule.FIXED
        self._grid = self.default_grid if fixed is None else (math.inf, fixed)
        super().__init__()

    @abstractmethod
    def member(self, value: float) -> tuple[Term, ...]:
        """The terms that are added up and divided by n where the hyper-parameter has this value."""

    @property
    @final
    def terms(self) -> tuple[Term, ...]:
        """1, then those of all members."""
        return tuple(dict.fromkeys([One(), *(term for value in self._grid for term in self.member(value))]))

    @final
    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`: that of the least biased member."""
        return self._mean(self._grid[0], totals)

    @final
    def settle(self, sums: Chosen) -> Settled:
        """See `Estimator.settle`: the member that the rule picks."""
        totals = sums.totals
        means = [self._mean(value, totals) for value in self._grid]
        members = [Settled(value=value, gradient=gradient) for value, gradient in means]
        place = self._place(members, sums)
        limit = self._grid[place]
        chosen = {self.parameter: limit if math.isfinite(limit) else "infinite", "rule": self._rule.value}
        return replace(members[place], chosen=chosen, unbiased=members[0])

    @final
    def fixed(self, chosen: Mapping[str, float | str]) -> Estimator:
        """See `Estimator.fixed`."""
        picked = chosen.get(self.parameter)
        return self if picked is None else type(self)(math.inf if isinstance(picked, str) else picked)

    def _place(self, members: Sequence[Settled], sums: Chosen) -> int:
        if self._rule is Rule.FIXED:
            return len(members) - 1
        values, method = [member.value for member in members], default_method(sums)

        def gap_error(place: int, other: int) -> float:
            gap = members[place].gradient - members[other].gradient
            return standard_error(gap, sums=sums, method=method)

        try:
            if self._rule is Rule.SLOPE:
                return slope(values, gap_error=gap_error)
            errors = [standard_error(member.gradient, sums=sums, method=method) for member in members]
            return mse_bound(values, errors)
        except NotEstimable:  # One row or viewer: nothing to pick by, so nothing is given up.
            return 0

    def _mean(self, value: float, totals: Floats) -> tuple[float, Floats]:
        member = self.member(value)
        return mean_of(totals, np.array([float(term in member) for term in self.terms]), count=0)
