"""Streaming sums of per-row terms, with what an interval needs of their spread. Knows no estimator and no level.

Two views of the spread are kept, both mergeable and both free of the cancellation that squares of large sums suffer:
by row a triangular factor R with RᵀR = Σ t tᵀ (k × k, however long the log), by viewer one sum a viewer.
Memory: (k + 1) · 8 bytes a viewer, at most twice that while parts are merged; none where viewers are unknown.
"""

from dataclasses import dataclass

import numpy as np

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Floats, Integers, ViewerKeys

_COMPACT_ABOVE = 65536


@dataclass(frozen=True, slots=True, eq=False)
class ViewerTable:
    """Sums by viewer: `keys` (viewers,) sorted and unique, `sums` (viewers, k)."""

    keys: ViewerKeys
    sums: Floats


class Sums:
    """What k terms a row add up to, by row and by viewer. Parts of a log add up to the whole."""

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.totals: Floats = np.zeros(width)
        self._factor: Floats = np.zeros((width, width))
        self._tables: list[ViewerTable] = []
        self._anonymous_rows = 0

    def add(self, terms: Floats, batch: Batch) -> None:
        """Add the terms (n, k) of a batch's n rows.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        if not len(batch):
            return
        if batch.viewers is None:
            self._anonymous_rows += len(batch)
        else:
            self._tables.append(_table(terms, batch))
        self.rows += len(batch)
        self.totals = self.totals + terms.sum(axis=0)
        self._factor = _merged_factor(self._factor, _factor(terms))
        self._check_and_compact()

    def __add__(self, other: "Sums") -> "Sums":
        both = Sums(len(self.totals))
        both.rows = self.rows + other.rows
        both.totals = self.totals + other.totals
        both._factor = _merged_factor(self._factor, other._factor)
        both._tables = [*self._tables, *other._tables]
        both._anonymous_rows = self._anonymous_rows + other._anonymous_rows
        both._check_and_compact()
        return both

    @property
    def viewers(self) -> int | None:
        """How many viewers the rows are of, or None where the log does not know them."""
        return None if self._anonymous_rows or not self.rows else len(self._viewer_table().keys)

    def row_spread(self, gradient: Floats) -> float:
        """√Σ (gradient · terms)² over rows, for a gradient (k,)."""
        return float(np.linalg.norm(self._factor @ gradient))

    def viewer_spread(self, gradient: Floats) -> float:
        """√Σ (gradient · sums)² over viewers, for a gradient (k,)."""
        return float(np.linalg.norm(self._viewer_table().sums @ gradient))

    def _viewer_table(self) -> ViewerTable:
        if len(self._tables) > 1:
            self._tables = [_merged_tables(self._tables)]
        return self._tables[0]

    def _check_and_compact(self) -> None:
        if self._anonymous_rows and self._tables:
            raise InvalidExample("some rows name a viewer and some do not: give every row its viewer, or none")
        # Merging only when the new parts outgrow the old whole keeps the cost of a long log near linear.
        pending = sum(len(table.keys) for table in self._tables[1:])
        if pending > _COMPACT_ABOVE and pending > len(self._tables[0].keys):
            self._viewer_table()


def _table(terms: Floats, batch: Batch) -> ViewerTable:
    keys, places = batch.viewer_groups
    return ViewerTable(keys, _grouped(terms, places, groups=len(keys)))


def _merged_tables(tables: list[ViewerTable]) -> ViewerTable:
    keys, places = np.unique(np.concatenate([table.keys for table in tables]), return_inverse=True)
    sums = np.concatenate([table.sums for table in tables])
    return ViewerTable(keys, _grouped(sums, places, groups=len(keys)))


def _grouped(terms: Floats, places: Integers, *, groups: int) -> Floats:
    columns = [np.bincount(places, weights=column, minlength=groups) for column in terms.T]
    return np.stack(columns, axis=1, dtype=np.float64)


def _factor(terms: Floats) -> Floats:
    """The triangular factor of terms (n, k) by modified Gram–Schmidt: a few passes, no n × k orthogonal part."""
    columns = [np.ascontiguousarray(column) for column in terms.T]
    factor = np.zeros((len(columns), len(columns)))
    for step, column in enumerate(columns):
        length = float(np.linalg.norm(column))
        factor[step, step] = length
        if length == 0.0:
            continue
        direction = column / length
        for later in range(step + 1, len(columns)):
            factor[step, later] = direction @ columns[later]
            columns[later] = columns[later] - factor[step, later] * direction
    return factor


def _merged_factor(one: Floats, other: Floats) -> Floats:
    return _factor(np.concatenate([one, other]))
