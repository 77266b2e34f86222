"""The one shape of a target: probabilities over the eligible artworks of rows. Knows no file and no policy version."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Self, final

import numpy as np

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Eligible, Floats


class Target(ABC):
    """States what a policy would have shown; instances hold plain values, so they travel between processes."""

    name: str
    reads_logged: bool = False
    """Whether it states what the log says of artworks that were not shown: made up where a log keeps no list."""

    @abstractmethod
    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """The probability of every eligible artwork of the rows (m,), summing to 1 within each row."""

    @final
    def restate(self, batch: Batch) -> Batch:
        """The same rows with this target in the place of the one that they had.

        Raises:
            InvalidExample: the log does not list its eligible artworks.
        """
        eligible, stated = self._stated(batch)
        return replace(
            batch,
            target=stated[eligible.chosen],
            eligible=replace(eligible, target=stated),
            predicted=None,
        )

    def beside(self, batch: Batch) -> Batch:
        """The same rows with this target as the baseline. Raises as `restate`."""
        eligible, stated = self._stated(batch)
        return replace(batch, baseline=stated[eligible.chosen], eligible=replace(eligible, baseline=stated))

    def _stated(self, batch: Batch) -> tuple[Eligible, Floats]:
        if batch.eligible is None:
            raise InvalidExample(
                f"the log does not list its eligible artworks, so nobody can say what {self.name} would show: "
                "give it a column of lists `artworks`, and `artwork`, or a column of the target's probabilities"
            )
        return batch.eligible, self.probabilities(batch, batch.eligible)


@final
class UniformTarget(Target):
    """Every eligible artwork alike."""

    name = "uniform"

    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """See `Target.probabilities`."""
        return np.repeat(1.0 / eligible.counts, eligible.counts)


@final
class StatedTarget(Target):
    """Whatever the batch states already: what guards act on when the target is a version."""

    name = "stated"

    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """See `Target.probabilities`."""
        return eligible.target


@final
class LoggingTarget(Target):
    """What the log itself was drawn from: its value is the mean reward."""

    name = "logging"
    reads_logged = True

    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """See `Target.probabilities`."""
        return eligible.logged

    def beside(self, batch: Batch) -> Batch:
        """See `Target.beside`; needs no list of eligible artworks."""
        eligible = None if batch.eligible is None else replace(batch.eligible, baseline=batch.eligible.logged)
        return replace(batch, baseline=batch.propensity, eligible=eligible)


class LearnedTarget(Target):
    """A target that is learned from a whole log first: `add` its batches; parts add up.

    Each row is stated by what was learned from other viewers.
    """

    @abstractmethod
    def add(self, batch: Batch) -> None:
        """Learn from the rows of a batch. Raises InvalidExample where they cannot be learned from."""

    def finish(self) -> None:
        """Do what can be done once all is added: what asks afterwards, maybe elsewhere, need not."""

    @abstractmethod
    def __add__(self, other: Any) -> Self:
        """What both learned; `other` is of the same kind."""


def greedy(eligible: Eligible, preference: Floats, *, floor: float) -> Floats:
    """Give each row's preferred artwork all but `floor`, which is spread evenly; ties go to the first. (m,) → (m,)."""
    best = np.maximum.reduceat(preference, eligible.starts[:-1]) if len(eligible.chosen) else np.zeros(0)
    rows = np.repeat(np.arange(len(eligible.chosen)), eligible.counts)
    tied = np.flatnonzero(preference == best[rows])
    first = tied[np.unique(rows[tied], return_index=True)[1]]
    stated = np.repeat(floor / eligible.counts, eligible.counts)
    stated[first] += 1.0 - floor
    return stated
