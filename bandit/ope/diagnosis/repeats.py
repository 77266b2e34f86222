"""Decisions that a log holds more than once, found by the keys of their ids in bounded memory. Knows no columns.

Up to `MOST_KEPT` decisions all are remembered. Beyond, only those whose mixed key lies under a bound that halves
whenever too many do: an id is remembered wherever it comes or nowhere, so repeats of remembered ids are all found, and
what is found depends on the log alone, not on its parts.
"""

from dataclasses import dataclass

import numpy as np

from bandit.ope.batch import Integers, ViewerKeys

MOST_KEPT = 1 << 19
_FEW = 1 << 16
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """k distinct mixed keys, sorted: how often each came, and in which rows it came first and second."""

    keys: ViewerKeys
    times: Integers
    first: Integers
    second: Integers

    def moved(self, rows: int) -> "_Seen":
        second = np.where(self.second == _NEVER, _NEVER, self.second + rows)
        return _Seen(self.keys, self.times, self.first + rows, second)

    def below(self, bound: np.uint64) -> "_Seen":
        held = self.keys <= bound
        return self if held.all() else _Seen(self.keys[held], self.times[held], self.first[held], self.second[held])


_NO_ROWS: Integers = np.zeros(0, dtype=np.int64)
_NOTHING = _Seen(np.zeros(0, dtype=np.uint64), _NO_ROWS, _NO_ROWS, _NO_ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """`count` rows repeat an earlier row's decision; `rows` are the numbers of some repeats and of what they repeat.

    Where not every decision was remembered, `count` is scaled up by how many were left out, `share` those that were.
    """

    count: int
    rows: tuple[int, ...]
    share: float


class Repeats:
    """Streaming and mergeable: the rows of the right part follow those of the left."""

    def __init__(self, *, most: int = MOST_KEPT) -> None:
        self._most = most
        self._level = 0
        self._parts: list[_Seen] = []

    def add(self, keys: ViewerKeys, *, numbers: Integers) -> None:
        """Take in the keys (n,) of rows with these numbers (n,)."""
        mixed = keys * _MIX
        held = np.flatnonzero(mixed <= self._bound)
        self._put(_gathered([_single(mixed[held], numbers[held])]))

    def following(self, other: "Repeats", *, later: int) -> "Repeats":
        """This part and another that comes after it, whose rows' numbers are so much higher than it knows."""
        both = Repeats(most=self._most)
        both._level = max(self._level, other._level)
        for part in (*self._parts, *(part.moved(later) for part in other._parts)):
            both._put(part)
        return both

    def found(self, *, named: int) -> Repeated | None:
        """The rows that repeat others, `named` numbers of them at most; None where each decision came once."""
        self._merge()
        seen = self._parts[0] if self._parts else _NOTHING
        again = seen.times > 1
        if not again.any():
            return None
        pairs = np.stack([seen.first[again], seen.second[again]], axis=1)
        pairs = pairs[np.argsort(pairs[:, 1], kind="stable")][: named // 2]
        count = int((seen.times[again] - 1).sum()) << self._level
        return Repeated(count=count, rows=tuple(sorted(set(pairs.ravel().tolist()))), share=0.5**self._level)

    @property
    def _bound(self) -> np.uint64:
        return np.uint64((1 << (64 - self._level)) - 1)

    def _put(self, part: _Seen) -> None:
        self._parts.append(part)
        sizes = [len(each.keys) for each in self._parts]
        # Merging only when enough has come keeps the cost of a long log near linear, and the room for it small.
        if sum(sizes[1:]) > max(_FEW, sizes[0] // 4):
            self._merge()

    def _merge(self) -> None:
        if not self._parts:
            return
        seen = _gathered([part.below(self._bound) for part in self._parts])
        while len(seen.keys) > self._most:
            self._level += 1
            seen = seen.below(self._bound)
        self._parts = [seen]


def _single(keys: ViewerKeys, rows: Integers) -> _Seen:
    return _Seen(keys, np.ones(len(keys), dtype=np.int64), rows, np.full(len(keys), _NEVER))


def _gathered(parts: list[_Seen]) -> _Seen:
    """Bring keys together; what comes first in the list lies first in the log."""
    if len(parts) == 1 and _rising(parts[0].keys):
        return parts[0]
    keys = np.concatenate([part.keys for part in parts])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    if not len(keys):
        return _NOTHING
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    times = np.concatenate([part.times for part in parts])[order]
    first = np.concatenate([part.first for part in parts])[order]
    second = np.concatenate([part.second for part in parts])[order]
    return _Seen(
        keys[starts],
        np.add.reduceat(times, starts),
        first[starts],
        _seconds(first, second, starts),
    )


def _seconds(first: Integers, second: Integers, starts: Integers) -> Integers:
    """The second row of each group: the first one's own second, or the next one's first."""
    follows = np.append(starts[1:], len(first)) - starts > 1
    after = np.full(len(starts), _NEVER)
    after[follows] = first[starts[follows] + 1]
    return np.minimum(second[starts], after)


def _rising(keys: ViewerKeys) -> bool:
    return bool(np.all(keys[1:] > keys[:-1]))
