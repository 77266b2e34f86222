"""What the viewers of one cell did, in sums that tell their spread. Knows no experiment and no storage.

Small, streaming and mergeable: a decision is a row of numbers, and rows are added up in 65,536 buckets by a hash of the
viewer's key. A bucket holds whole viewers, so buckets are as independent as viewers are. Memory, however long the log:
4 MB, 8 bytes a viewer (each is counted once), and 512 bytes a title that was played.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from bandit.experiments.variety import Variety
from bandit.ope.batch import Floats, Integers, ViewerKeys

BUCKETS = 1 << 16
_BUCKET_SHIFT = np.uint64(64 - 16)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MERGE_FROM = 1 << 16


class Column(IntEnum):
    """What is added up: of the decisions of the experiment, then of the same viewers before it, then viewers."""

    DECISIONS = 0
    REWARD = 1
    PLAYS = 2
    WATCHED = 3
    ABANDONED = 4
    BEFORE = 5
    REWARD_BEFORE = 6
    VIEWERS = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """n decisions that were seen: arrays (n,), `titles` one a row.

    `stands_for` is how many decisions of the traffic each row is, `reward` what it was worth, `play` whether it was
    played (0 or 1), `watched` the share of the title that was watched, `earnest` whether the play was long enough to
    count (0 or 1).
    """

    viewers: ViewerKeys
    stands_for: Floats
    reward: Floats
    play: Floats
    watched: Floats
    earnest: Floats
    titles: Sequence[str]


@dataclass(eq=False)
class CellSums:
    """The sums of one cell."""

    variety: Variety = field(default_factory=Variety)
    _sums: Floats = field(default_factory=lambda: np.zeros((BUCKETS, len(Column) - 1)))
    _keys: list[ViewerKeys] = field(default_factory=list[ViewerKeys])

    def add(self, seen: Seen) -> None:
        """Take in decisions of the experiment."""
        if not len(seen.viewers):
            return
        columns = (np.ones(len(seen.viewers)), seen.reward, seen.play, seen.watched, seen.play * (1.0 - seen.earnest))
        self._put(seen.viewers, [seen.stands_for * column for column in columns], first=Column.DECISIONS)
        played = np.flatnonzero(seen.play > 0)
        titles = [seen.titles[row] for row in played.tolist()]
        self.variety.add(titles, viewers=seen.viewers[played], plays=seen.stands_for[played])
        self._count(seen.viewers)

    def add_before(self, viewers: ViewerKeys, *, reward: Floats, stands_for: Floats) -> None:
        """Take in decisions (n,) of the time before, of those viewers that are in the cell already."""
        known = self.viewers
        places = np.minimum(np.searchsorted(known, viewers), max(len(known) - 1, 0))
        ours = known[places] == viewers if len(known) else np.zeros(len(viewers), dtype=np.bool_)
        columns = [stands_for[ours], (stands_for * reward)[ours]]
        self._put(viewers[ours], columns, first=Column.BEFORE)

    def __add__(self, other: "CellSums") -> "CellSums":
        both = CellSums(self.variety + other.variety, self._sums + other._sums, [*self._keys, *other._keys])
        both._merge()
        return both

    @property
    def viewers(self) -> ViewerKeys:
        """The distinct viewers' keys, sorted."""
        self._merge()
        return self._keys[0] if self._keys else np.zeros(0, dtype=np.uint64)

    def pieces(self) -> Floats:
        """One row an independent piece with at least one viewer: (g, 8), by `Column`."""
        counted = np.bincount(_buckets(self.viewers), minlength=BUCKETS).astype(np.float64)
        return np.column_stack([self._sums, counted])[counted > 0]

    def _put(self, viewers: ViewerKeys, columns: Sequence[Floats], *, first: int) -> None:
        buckets = _buckets(viewers)
        for place, column in enumerate(columns, start=first):
            self._sums[:, place] += np.bincount(buckets, weights=column, minlength=BUCKETS)

    def _count(self, viewers: ViewerKeys) -> None:
        self._keys.append(np.unique(viewers))
        if sum(map(len, self._keys[1:])) > max(_MERGE_FROM, len(self._keys[0])):
            self._merge()

    def _merge(self) -> None:
        if len(self._keys) > 1:
            self._keys = [np.unique(np.concatenate(self._keys))]


def _buckets(viewers: ViewerKeys) -> Integers:
    return ((viewers * _MIX) >> _BUCKET_SHIFT).astype(np.int64)
