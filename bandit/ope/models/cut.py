"""How the viewers of a log are cut into buckets and folds, so that no model is asked about viewers it learned from.

Knows no model. A bucket holds whole viewers; a fold holds whole buckets, so a bootstrap over buckets keeps the folds.
"""

from dataclasses import dataclass

import numpy as np

from bandit.ope.batch import Batch, Integers

_MIX = np.uint64(0xD6E8FEB86659FD93)
_TOP = np.uint64(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """`buckets` are what a bootstrap draws from; `folds`, a divisor of theirs, are what is held out together."""

    folds: int = 5
    buckets: int = 40

    def __post_init__(self) -> None:
        if self.folds < 2 or self.buckets < self.folds or self.buckets % self.folds:
            raise ValueError(
                f"{self.buckets} buckets do not make {self.folds} folds: give two folds or more, and a multiple of them"
            )

    def buckets_of(self, batch: Batch) -> Integers:
        """The bucket of each row (n,), by its viewer; by its page or else its place in the batch where none is known.

        By place, the log must come in the same batches when a model is fitted and when it is asked.
        """
        keys = batch.viewers if batch.viewers is not None else batch.pages
        if keys is None:
            return np.arange(len(batch), dtype=np.int64) % self.buckets
        mixed = (keys ^ (keys >> _TOP)) * _MIX
        return ((mixed >> _TOP) % np.uint64(self.buckets)).astype(np.int64)

    def fold_of(self, buckets: Integers) -> Integers:
        """The fold that each of these buckets lies in."""
        return buckets % self.folds
