"""Terms: one number a row each, by what it is called in a formula. Knows no estimator and no sum.

Estimators share their terms: two terms that are equal are summed once, and because everything that an evaluation
sums is summed together, the spread of any function of it is known: of a value, of a difference of two, of a segment.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats, Integers
from bandit.ope.sums import Sums


@dataclass(frozen=True)
class Term(ABC):
    """A number a row. Equal terms are the same; they travel between processes, so they hold plain values only."""

    @abstractmethod
    def of(self, batch: Batch) -> Floats:
        """The term of each row: (n,). How often a row counts (`Batch.stands_for`) is not in it."""


@final
@dataclass(frozen=True)
class One(Term):
    """1: its sum is how many decisions the rows stand for."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return np.ones(len(batch))


@final
@dataclass(frozen=True)
class Weight(Term):
    """w = π(a|x) / p."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return batch.weights


@final
@dataclass(frozen=True)
class Reward(Term):
    """r."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return batch.reward


@final
@dataclass(frozen=True)
class WeightedReward(Term):
    """w r."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return batch.weights * batch.reward


@final
@dataclass(frozen=True)
class Agreement(Term):
    """π(a|x): how probably a draw of the target equals the artwork that was shown."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return batch.target


@final
@dataclass(frozen=True)
class AgreedReward(Term):
    """π(a|x) r."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return batch.target * batch.reward


@final
@dataclass(frozen=True)
class OfBaseline(Term):
    """Another term with the baseline in the place of the target; the batch must know its baseline."""

    term: Term

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return self.term.of(batch.against_baseline())


@final
@dataclass(frozen=True)
class OfUniform(Term):
    """Another term with uniform in the place of the target; 0 in batches that do not know the eligible artworks."""

    term: Term

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        uniform = batch.against_uniform()
        return np.zeros(len(batch)) if uniform is None else self.term.of(uniform)


class TermSums:
    """What terms add up to over a log, together, with their spread by row and by viewer. Streaming and mergeable."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(dict.fromkeys(terms))
        self.sums = Sums(len(self.terms))
        self._places = {term: place for place, term in enumerate(self.terms)}

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch, each as often as it stands for decisions.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        if self.terms:
            columns = np.empty((len(self.terms), len(batch)))  # a term's numbers lie together: sums run along memory
            for column, term in zip(columns, self.terms, strict=True):
                np.multiply(term.of(batch), 1.0 if batch.kept is None else batch.stands_for, out=column)
            self.sums.add(columns.T, batch)

    def __add__(self, other: "TermSums") -> "TermSums":
        if self.terms != other.terms:
            raise ValueError("sums of other terms cannot be added: make both parts with the same estimators")
        both = TermSums(self.terms)
        both.sums = self.sums + other.sums
        return both

    def of(self, terms: Sequence[Term]) -> "Chosen":
        """The sums of some of the terms, in this order. Raises KeyError for a term that is not summed here."""
        return Chosen(self.sums, np.array([self._places[term] for term in terms], dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some of many sums, by their places (k,): what `Sums` tells, of these only."""

    whole: Sums
    places: Integers

    @property
    def totals(self) -> Floats:
        """(k,)."""
        return self.whole.totals[self.places]

    @property
    def rows(self) -> int:
        """How many rows were taken in."""
        return self.whole.rows

    @property
    def viewer_pieces(self) -> int:
        """See `Sums.viewer_pieces`."""
        return self.whole.viewer_pieces

    def row_spread(self, gradient: Floats) -> float:
        """See `Sums.row_spread`; the gradient is (k,)."""
        return self.whole.row_spread(self._spread_out(gradient))

    def viewer_spread(self, gradient: Floats) -> float:
        """See `Sums.viewer_spread`; the gradient is (k,)."""
        return self.whole.viewer_spread(self._spread_out(gradient))

    def row_gram(self) -> Floats:
        """Σ t tᵀ over rows: (k, k)."""
        return self.whole.row_gram()[np.ix_(self.places, self.places)]

    def viewer_gram(self) -> Floats:
        """Σ s sᵀ over the viewers' pieces, s the sum of a piece's terms: (k, k)."""
        return self.whole.viewer_gram()[np.ix_(self.places, self.places)]

    def viewer_sums(self) -> Floats:
        """See `Sums.viewer_sums`."""
        return self.whole.viewer_sums()[:, self.places]

    def _spread_out(self, gradient: Floats) -> Floats:
        wide = np.zeros(len(self.whole.totals))
        np.add.at(wide, self.places, gradient)
        return wide
