"""The most played artwork of each title as a target, counted on other viewers than it is valued on. Knows no files.

Viewers are in two halves by a hash: the rows of one half are stated from the counts of the other, so that no row
speaks for the artwork that it was counted for.
"""

from collections.abc import Iterable
from typing import Any, Self, final

import numpy as np

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Eligible, Floats, Integers
from bandit.ope.targets.target import LearnedTarget, greedy

FLOOR = 0.01
_STRENGTH = 50.0
_SALT = np.uint64(0xD1B54A32D192ED03)


@final
class MostPlayedTarget(LearnedTarget):
    """Shows the artwork with the highest rate of reward, drawn towards the mean by 50 decisions; 1 % explores.

    A logged row counts 1 / p, so that every artwork is valued on all viewers alike (Hájek 1971). Streaming and
    mergeable: `add` the whole log first.
    """

    name = "most-played"

    def __init__(self) -> None:
        self._sums: dict[str, Floats] = {}

    def add(self, batch: Batch) -> None:
        """Count the rows of a batch. Raises InvalidExample without eligible artworks."""
        eligible = _eligible(batch)
        weights = batch.stands_for / batch.propensity
        codes = eligible.artworks[eligible.chosen] * 2 + halves(batch)
        sums = [
            np.bincount(codes, weights=each, minlength=2 * len(eligible.names))
            for each in (weights, weights * batch.reward)
        ]
        table = np.stack(sums, axis=1, dtype=np.float64).reshape(-1, 2, 2)
        for code in np.flatnonzero(table[:, :, 0].any(axis=1)).tolist():
            name = eligible.names[code]
            self._sums[name] = self._sums[name] + table[code] if name in self._sums else table[code]

    def __add__(self, other: Any) -> Self:
        """See `LearnedTarget.__add__`."""
        both = type(self)()
        for name in [*self._sums, *(each for each in other._sums if each not in self._sums)]:
            both._sums[name] = self._sums.get(name, np.zeros((2, 2))) + other._sums.get(name, np.zeros((2, 2)))
        return both

    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """See `Target.probabilities`."""
        nothing = np.zeros((2, 2))
        known = np.stack([self._sums.get(name, nothing) for name in eligible.names])
        total = sum(self._sums.values(), nothing)
        mean = total[:, 1] / np.maximum(total[:, 0], 1.0)
        rates = (known[:, :, 1] + _STRENGTH * mean) / (known[:, :, 0] + _STRENGTH)
        others = np.repeat(1 - halves(batch), eligible.counts)
        return greedy(eligible, rates[eligible.artworks, others], floor=FLOOR)


def most_played(batches: Iterable[Batch]) -> MostPlayedTarget:
    """Count a whole log."""
    target = MostPlayedTarget()
    for batch in batches:
        target.add(batch)
    return target


def halves(batch: Batch) -> Integers:
    """Which half (0 or 1) each row's viewer belongs to: (n,).

    Raises:
        InvalidExample: the log knows no viewers, so nobody could keep counting and valuing apart.
    """
    if batch.viewers is None:
        raise InvalidExample("this target is learned from one half of the viewers and valued on the other: map viewer")
    return ((batch.viewers * _SALT) >> np.uint64(63)).astype(np.int64)


def _eligible(batch: Batch) -> Eligible:
    if batch.eligible is None:
        raise InvalidExample("counting plays needs each row's eligible artworks: map `artworks` and `artwork`")
    return batch.eligible
