"""Sums by viewer, in bounded memory, and the count of viewers. Knows no estimator and no interval.

Up to 65,536 viewers every one has a sum of its own. Beyond, viewers are summed in as many buckets by a hash of
their key: a bucket holds whole viewers, so bucket sums are as independent as viewers are, and the spread that an
interval needs is still estimated without bias. Memory: (k + 1) · 8 bytes · 131,072 at most, however long the log.
"""

import numpy as np

from bandit.ope.batch import Batch, Floats, Integers, Mask, ViewerKeys

BUCKET_BITS = 16
MOST_EXACT = 1 << BUCKET_BITS
MOST_COUNTED = 1 << 20
_MIX = np.uint64(0x9E3779B97F4A7C15)


class ViewerSums:
    """What k terms a row add up to for each viewer. Parts of a log add up to the whole."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._parts: list[tuple[ViewerKeys, Floats]] = []
        self._buckets: _Buckets | None = None

    def add(self, terms: Floats, batch: Batch) -> None:
        """Add the terms (n, k) of the rows of a batch that knows its viewers."""
        if self._buckets and batch.viewers is not None:
            self._buckets.add(batch.viewers, terms)
            return
        keys, places = batch.viewer_groups
        self._put([(keys, _grouped(terms, places, groups=len(keys)))])

    def __add__(self, other: "ViewerSums") -> "ViewerSums":
        both = ViewerSums(self._width)
        if self._buckets or other._buckets:
            both._buckets = (self._buckets or _Buckets(self._width)) + (other._buckets or _Buckets(self._width))
        both._put([*self._parts, *other._parts])
        return both

    @property
    def pieces(self) -> int:
        """How many independent pieces the sums are kept in: viewers, or buckets of them."""
        self._merge()
        if self._buckets:
            return int(self._buckets.used.sum())
        return len(self._parts[0][0]) if self._parts else 0

    def spread(self, gradient: Floats) -> float:
        """√Σ (gradient · sums)² over the pieces, for a gradient (k,)."""
        return float(np.linalg.norm(self.sums() @ gradient))

    def gram(self) -> Floats:
        """Σ s sᵀ over the pieces' sums s: (k, k)."""
        return self.sums().T @ self.sums()

    def sums(self) -> Floats:
        """The sums of each piece: (pieces or more, k); rows that hold no viewer are 0."""
        self._merge()
        if self._buckets:
            return self._buckets.sums
        return self._parts[0][1] if self._parts else np.zeros((0, self._width))

    def _put(self, parts: list[tuple[ViewerKeys, Floats]]) -> None:
        self._parts = [*self._parts, *parts]
        # Merging only when much has come together keeps the cost of a long log near linear.
        if self._buckets or sum(len(keys) for keys, _ in self._parts) > 2 * MOST_EXACT:
            self._merge()

    def _merge(self) -> None:
        if not self._buckets and len(self._parts) > 1:
            keys, places = np.unique(np.concatenate([keys for keys, _ in self._parts]), return_inverse=True)
            sums = _grouped(np.concatenate([sums for _, sums in self._parts]), places, groups=len(keys))
            self._parts = [(keys, sums)]
        if not self._buckets and self._parts and len(self._parts[0][0]) > MOST_EXACT:
            self._buckets = _Buckets(self._width)
        if self._buckets:
            for keys, sums in self._parts:
                self._buckets.add(keys, sums)
            self._parts = []


class _Buckets:
    """Sums (65,536, k) by the hash of a viewer's key; `used` marks those that hold a viewer."""

    def __init__(self, width: int) -> None:
        self.sums: Floats = np.zeros((1 << BUCKET_BITS, width), order="F")  # a term's sums fit in a core's cache
        self.used: Mask = np.zeros(1 << BUCKET_BITS, dtype=np.bool_)

    def add(self, keys: ViewerKeys, sums: Floats) -> None:
        places = ((keys * _MIX) >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
        for own, column in zip(self.sums.T, sums.T, strict=True):
            own += np.bincount(places, weights=column, minlength=len(own))
        self.used[places] = True

    def __add__(self, other: "_Buckets") -> "_Buckets":
        both = _Buckets(self.sums.shape[1])
        both.sums = self.sums + other.sums
        both.used = self.used | other.used
        return both


class ViewerSet:
    """The distinct viewers of a log, counted in bounded memory: three times 8 MB at most.

    Up to `MOST_COUNTED` viewers the count is exact. Beyond, only viewers are remembered whose mixed key lies under a
    bound that halves whenever they are too many, and count for the others (adaptive sampling: Flajolet 1990): off by
    0.14 % in one standard error at most, and the same however a log is parted.
    """

    def __init__(self) -> None:
        self._parts: list[ViewerKeys] = []
        self._level = 0

    def add(self, batch: Batch) -> None:
        """Take in the viewers of a batch that knows them. Raises ValueError for another."""
        if batch.viewers is None:
            raise ValueError("this batch knows no viewers: add only one whose `viewers` is not None")
        self._put([_distinct(self._held(batch.viewers * _MIX))])

    def __add__(self, other: "ViewerSet") -> "ViewerSet":
        both = ViewerSet()
        both._level = max(self._level, other._level)
        both._put([both._held(keys) for keys in (*self._parts, *other._parts)])
        return both

    def __len__(self) -> int:
        self._merge()
        return len(self._parts[0]) << self._level if self._parts else 0

    def _held(self, mixed: ViewerKeys) -> ViewerKeys:
        return mixed if not self._level else mixed[mixed <= np.uint64((1 << (64 - self._level)) - 1)]

    def _put(self, parts: list[ViewerKeys]) -> None:
        self._parts = [*self._parts, *parts]
        sizes = [len(keys) for keys in self._parts]
        # Merging only when as much again has come keeps the cost of a long log near linear.
        if sum(sizes[1:]) > max([MOST_EXACT, *sizes[:1]]):
            self._merge()

    def _merge(self) -> None:
        if len(self._parts) > 1:
            self._parts = [_distinct(np.concatenate(self._parts))]
        while self._parts and len(self._parts[0]) > MOST_COUNTED:
            self._level += 1
            self._parts = [self._held(self._parts[0])]


def _distinct(keys: ViewerKeys) -> ViewerKeys:
    """Each once, sorted: on keys like these np.unique takes ten times as long as sorting and comparing."""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys


def _grouped(terms: Floats, places: Integers, *, groups: int) -> Floats:
    columns = [np.bincount(places, weights=column, minlength=groups) for column in terms.T]
    return np.stack(columns, axis=1, dtype=np.float64)
