"""The one shape of an estimator: small, streaming, mergeable. Knows no policy, no storage and no refusals.

An estimator names k terms of a row and says which function of their sums is the value. That is all it takes:
streaming, merging, and both intervals follow from it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self, final

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
from bandit.ope.sums import Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an estimator says of a policy's mean reward a decision."""

    estimator: str
    value: float
    interval: Interval


class Estimator(ABC):
    """Values a target policy from rows that another policy logged."""

    name: ClassVar[str]
    width: ClassVar[int]
    """How many terms a row has."""

    def __init__(self) -> None:
        self._sums = Sums(self.width)

    @abstractmethod
    def terms(self, batch: Batch) -> Floats:
        """The terms of each row: (n, width); `add` lets them count as often as the row stands for decisions."""

    @abstractmethod
    def value(self, totals: Floats) -> tuple[float, Floats]:
        """The estimate from the terms' sums (width,), and its gradient (width,).

        The function must not change when every sum is multiplied by one number: a log repeated is no new evidence.
        Raises NotEstimable where it has no value.
        """

    @final
    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        self._sums.add(self.terms(batch) * batch.stands_for[:, np.newaxis], batch)

    @final
    def estimate(self) -> float:
        """The value of the target: its mean reward a decision.

        Raises:
            NotEstimable: the rows so far hold no answer.
        """
        return self.value(self._sums.totals)[0]

    @final
    def interval(self, level: float = 0.95, *, method: Method | None = None) -> Interval:
        """The interval of `level`, by the default method: clustered where viewers repeat, by row otherwise.

        Raises:
            NotEstimable: the rows so far hold no answer, or are fewer than two.
        """
        value, gradient = self.value(self._sums.totals)
        return interval_around(value, gradient=gradient, sums=self._sums, level=level, method=method)

    @final
    def standard_error(self, *, method: Method | None = None) -> float:
        """The standard error that the interval is made of; raises NotEstimable as `interval` does."""
        _, gradient = self.value(self._sums.totals)
        return standard_error(gradient, sums=self._sums, method=method or default_method(self._sums))

    @final
    def result(self, level: float = 0.95) -> Estimate:
        """Value and interval together; raises NotEstimable as they do."""
        return Estimate(estimator=self.name, value=self.estimate(), interval=self.interval(level))

    @final
    def __add__(self, other: Self) -> Self:
        both = type(self)()
        both._sums = self._sums + other._sums
        return both

    @property
    def rows(self) -> int:
        """How many rows were taken in."""
        return self._sums.rows


class RatioEstimator(Estimator):
    """An estimator whose value is the first term's sum over the second's."""

    width = 2

    @final
    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`."""
        numerator, denominator = totals.tolist()
        if denominator == 0.0:
            raise NotEstimable(f"{self.name} has no row to go by: the target would show none of the logged artworks")
        ratio = numerator / denominator
        return ratio, np.array([1.0, -ratio]) / denominator
