"""The one shape of an estimator: small, streaming, mergeable. Knows no policy, no storage and no refusals.

An estimator names the terms of a row and says which function of their sums is the value. That is all it takes:
streaming, merging, and every interval follow from it. Many estimators may read the same sums (`reading`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Self, final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.intervals.interval import (
    Interval,
    Method,
    NotEstimable,
    default_method,
    interval_around,
    standard_error,
)
from bandit.ope.terms import Chosen, Term, TermSums


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an estimator says of a policy's mean reward a decision.

    `interval` is the one to go by, `intervals` are all that were made. `chosen` are the hyper-parameters that a rule
    picked from the data, and what the rule is called.
    """

    estimator: str
    value: float
    interval: Interval
    intervals: tuple[Interval, ...] = ()
    chosen: Mapping[str, float | str] = field(default_factory=dict[str, "float | str"])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """A value, its gradient over the estimator's terms (k,), and the hyper-parameters that a rule picked for it.

    `unbiased` is what the same terms say without the bias that the value takes on for steadiness; None where it takes
    on none. No spread of rows shows a bias, so an interval around the value must also hold that of `unbiased`.
    """

    value: float
    gradient: Floats
    chosen: Mapping[str, float | str] = field(default_factory=dict[str, "float | str"])
    unbiased: "Settled | None" = None


class Estimator(ABC):
    """Values a target policy from rows that another policy logged."""

    name: str
    assumes: str = ""
    """What must be true for the value to be right, in a sentence without its full stop."""
    needs_predictions: bool = False
    """Whether it reads `Batch.predicted`."""
    needs_likeness: bool = False
    """Whether it reads `Eligible.likeness`."""
    comparable: bool = True
    """Whether a target's value less a baseline's means anything: not where either may be low by another amount."""

    def __init__(self) -> None:
        self._sums = TermSums(self.terms)

    @property
    @abstractmethod
    def terms(self) -> tuple[Term, ...]:
        """The k terms that it needs of a row; each counts as often as the row stands for decisions."""

    @abstractmethod
    def value(self, totals: Floats) -> tuple[float, Floats]:
        """The estimate from the terms' sums (k,), and its gradient (k,).

        The function must not change when every sum is multiplied by one number: a log repeated is no new evidence.
        Raises NotEstimable where it has no value.
        """

    def settle(self, sums: Chosen) -> Settled:
        """The value from its terms' sums with their spread, which a rule may pick hyper-parameters by."""
        value, gradient = self.value(sums.totals)
        return Settled(value=value, gradient=gradient)

    def fixed(self, chosen: Mapping[str, float | str]) -> "Estimator":
        """The same with the hyper-parameters that `Settled.chosen` tells: nothing is picked anew on other sums."""
        return self

    @final
    def reading(self, sums: TermSums) -> Self:
        """The same estimator over sums that hold its terms among others; it is not for adding rows."""
        reader = copy(self)
        reader._sums = sums
        return reader

    @final
    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        self._sums.add(batch)

    @final
    def estimate(self) -> float:
        """The value of the target: its mean reward a decision.

        Raises:
            NotEstimable: the rows so far hold no answer.
        """
        return self.settle(self._own).value

    @final
    def interval(self, level: float = 0.95, *, method: Method | None = None) -> Interval:
        """The interval of `level`, by the default method: clustered where viewers repeat, by row otherwise.

        That of a value with a bias also holds the interval of its unbiased value.

        Raises:
            NotEstimable: the rows so far hold no answer, or are fewer than two.
        """
        own = self._own
        found = self.settle(own)
        around = interval_around(found.value, gradient=found.gradient, sums=own, level=level, method=method)
        true = found.unbiased
        if true is None:
            return around
        return around.holding(interval_around(true.value, gradient=true.gradient, sums=own, level=level, method=method))

    @final
    def standard_error(self, *, method: Method | None = None) -> float:
        """The standard error that the interval is made of; raises NotEstimable as `interval` does."""
        own = self._own
        return standard_error(self.settle(own).gradient, sums=own, method=method or default_method(own))

    @final
    def result(self, level: float = 0.95) -> Estimate:
        """Value and interval together; raises NotEstimable as they do."""
        found = self.settle(self._own)
        return Estimate(estimator=self.name, value=found.value, interval=self.interval(level), chosen=found.chosen)

    @final
    def __add__(self, other: Self) -> Self:
        both = copy(self)
        both._sums = self._sums + other._sums
        return both

    @property
    def rows(self) -> int:
        """How many rows were taken in."""
        return self._sums.sums.rows

    @property
    def _own(self) -> Chosen:
        return self._sums.of(self.terms)


class RatioEstimator(Estimator):
    """An estimator whose value is the first term's sum over the second's."""

    @final
    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`."""
        numerator, denominator = totals.tolist()
        if denominator == 0.0:
            raise NotEstimable(f"{self.name} has no row to go by: the target would show none of the logged artworks")
        ratio = numerator / denominator
        return ratio, np.array([1.0, -ratio]) / denominator
