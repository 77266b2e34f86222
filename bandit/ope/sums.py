"""Streaming sums of per-row terms, with what an interval needs of their spread. Knows no estimator and no level.

Two views of the spread are kept, both mergeable and both free of the cancellation that squares of large sums suffer:
by row a triangular factor R with RᵀR = Σ t tᵀ (k × k, however long the log), by viewer the sums themselves.
"""

import numpy as np

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Floats
from bandit.ope.viewers import ViewerSums

_FEW_TERMS = 9


class Sums:
    """What k terms a row add up to, by row and by viewer. Parts of a log add up to the whole."""

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.totals: Floats = np.zeros(width)
        self._factor: Floats = np.zeros((width, width))
        self._by_viewer = ViewerSums(width)
        self._anonymous = False

    def add(self, terms: Floats, batch: Batch) -> None:
        """Add the terms (n, k) of a batch's n rows.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        if not len(batch):
            return
        self._refuse_mixture(batch.viewers is None)
        if batch.viewers is None:
            self._anonymous = True
        else:
            self._by_viewer.add(terms, batch)
        self.rows += len(batch)
        self.totals = self.totals + terms.sum(axis=0)
        self._factor = _merged_factor(self._factor, _factor(terms))

    def __add__(self, other: "Sums") -> "Sums":
        if other.rows:
            self._refuse_mixture(other._anonymous)
        both = Sums(len(self.totals))
        both.rows = self.rows + other.rows
        both.totals = self.totals + other.totals
        both._factor = _merged_factor(self._factor, other._factor)
        both._by_viewer = self._by_viewer + other._by_viewer
        both._anonymous = self._anonymous or other._anonymous
        return both

    @property
    def viewer_pieces(self) -> int:
        """How many independent pieces the viewers make (`bandit.ope.viewers`); 0 where the log does not know them."""
        return self._by_viewer.pieces

    def row_spread(self, gradient: Floats) -> float:
        """√Σ (gradient · terms)² over rows, for a gradient (k,)."""
        return float(np.linalg.norm(self._factor @ gradient))

    def viewer_spread(self, gradient: Floats) -> float:
        """√Σ (gradient · sums)² over the viewers' pieces, for a gradient (k,)."""
        return self._by_viewer.spread(gradient)

    def row_gram(self) -> Floats:
        """Σ t tᵀ over rows: (k, k)."""
        return self._factor.T @ self._factor

    def viewer_gram(self) -> Floats:
        """Σ s sᵀ over the viewers' pieces, s the sum of a piece's terms: (k, k)."""
        return self._by_viewer.gram()

    def viewer_sums(self) -> Floats:
        """The sums of each of the viewers' pieces: (pieces or more, k), rows without a viewer 0."""
        return self._by_viewer.sums()

    def _refuse_mixture(self, anonymous: bool) -> None:
        if self.rows and anonymous is not self._anonymous:
            raise InvalidExample("some rows name a viewer and some do not: give every row its viewer, or none")


def _factor(terms: Floats) -> Floats:
    """The triangular factor of terms (n, k)."""
    count, width = terms.shape
    if width <= _FEW_TERMS:
        return _factor_of_few(terms)
    factor = np.zeros((width, width))
    factor[: min(count, width)] = np.linalg.qr(terms, mode="r")
    return factor


def _factor_of_few(terms: Floats) -> Floats:
    """The same by modified Gram–Schmidt: a few passes, where Householder's reflections take twice as long."""
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
