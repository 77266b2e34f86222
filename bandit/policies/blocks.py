"""The artworks of every title as blocks of numbers, one after the other in two arrays. Knows no viewer and no request.

A block is made when its slate is first met and forgotten with it. Readers need no lock: a place is told only when its
block is filled, and blocks never move within a store; when most of a store is forgotten, a new one is begun.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from artwork.projection import InvalidProjection
from bandit.decision import IMAGE_KEY_DIGITS
from bandit.encoding import FeatureSpace
from bandit.exploration import Exploration
from bandit.kernels import Blocks, Floats, Vectors, product
from bandit.policies.policy import require_artworks
from bandit.policies.weights import Weights
from bandit.slate import Slate

_FIRST_ARTWORKS = 256
Number = TypeVar("Number", np.int64, np.float32, np.float64)


class BlockStore:
    """The blocks of one policy version. `slot_weights` (S, artwork_width): what each number of a slot is crossed to."""

    def __init__(
        self, space: FeatureSpace, weights: Weights, *, exploration: Exploration, slot_weights: Floats
    ) -> None:
        self._space = space
        self._known_own = weights.own
        self._artwork = np.array(weights.artwork[:, np.newaxis], dtype=np.float64)
        self._main = np.array(weights.main[:, np.newaxis], dtype=np.float64)
        self._slot_weights = np.array(slot_weights.T, dtype=np.float64, order="C")
        self._gammas = exploration.gammas(weights.experience)
        self._gamma_of_others = float(exploration.gammas(np.array([weights.experience_of_others]))[0])
        self._lock = threading.Lock()
        self._shelf = self._new_shelf()

    def look_up(self, slates: Sequence[Slate]) -> tuple[NDArray[np.int64], Blocks]:
        """Return the place of each slate's block (n,), and the blocks.

        Raises:
            NoEligibleArtwork: a slate is empty.
            InvalidProjection, InvalidExample: an artwork's vector or measures do not fit.
        """
        shelf = self._shelf
        try:
            places = [*map(shelf.places.__getitem__, map(id, slates))]
        except KeyError:
            shelf, places = self._with_new(slates)
        return np.array(places, dtype=np.int64), shelf.blocks

    def _with_new(self, slates: Sequence[Slate]) -> tuple["_Shelf", list[int]]:
        with self._lock:
            if self._shelf.mostly_forgotten():
                self._shelf = self._new_shelf()
            shelf = self._shelf
            for slate in slates:
                if id(slate) not in shelf.places:
                    require_artworks(slate)
                    shelf.add(slate, *self._block(slate))
            return shelf, [shelf.places[id(slate)] for slate in slates]

    def _new_shelf(self) -> "_Shelf":
        return _Shelf(width=self._space.spec.artwork_width, terms_each=2 + self._slot_weights.shape[1])

    def _block(self, slate: Slate) -> tuple[Vectors, Floats]:
        """One slate's rows (K, A) and terms (2 + S, K): the costs whatever the context, γ, and the slot's numbers'."""
        rows = self._space.artwork_rows(_stacked(slate))
        costs = product(rows, self._artwork)[:, 0]
        if len(self._main):
            costs = costs + product(self._space.main_rows(slate), self._main)[:, 0]
        own, gammas = self.own(slate)
        return rows, np.concatenate([[costs + own, gammas], product(rows, self._slot_weights).T])

    def own(self, slate: Slate) -> tuple[Floats, Floats]:
        """Each artwork's own term and γ: one that the log did not hold has the mean of its title's known ones."""
        found = self._space.known_places([artwork.image[:IMAGE_KEY_DIGITS] for artwork in slate])
        places = np.array(found, dtype=np.int64)
        known = places >= 0
        own = self._known_own[places[known]]
        mean = own.sum() / max(1, len(own))
        owns, gammas = np.full(len(places), mean), np.full(len(places), self._gamma_of_others)
        owns[known], gammas[known] = own, self._gammas[places[known]]
        return owns, gammas


def _stacked(slate: Slate) -> Vectors:
    try:
        return np.stack([artwork.vector for artwork in slate])
    except ValueError as error:
        raise InvalidProjection(
            "the artworks of one title have vectors of different lengths; embed those of another version again"
        ) from error


class _Shelf:
    """Arrays of blocks with room for more, and where each slate's is. Adding is for one thread at a time."""

    def __init__(self, *, width: int, terms_each: int) -> None:
        self.places: dict[int, int] = {}
        self._alive: dict[int, weakref.ref[Slate]] = {}
        self._width, self._terms_each = width, terms_each
        self._used = self._forgotten = self._added = 0
        none = np.zeros(0, dtype=np.int64)
        self.blocks: Blocks = (none, none, np.zeros(0, dtype=np.float32), np.zeros(0))

    def mostly_forgotten(self) -> bool:
        return self._forgotten > max(_FIRST_ARTWORKS, self._used // 2)

    def add(self, slate: Slate, rows: Vectors, terms: Floats) -> None:
        """Lay a block down, then tell its place: whoever knows a place finds it filled."""
        count, place = len(rows), self._added
        starts, counts, all_rows, all_terms = self._with_room_for(count)
        starts[place], counts[place] = self._used, count
        begin, end = self._used * self._width, (self._used + count) * self._width
        all_rows[begin:end] = rows.T.ravel()
        begin, end = self._used * self._terms_each, (self._used + count) * self._terms_each
        all_terms[begin:end] = terms.ravel()
        self.blocks = (starts, counts, all_rows, all_terms)
        self._used += count
        self._added += 1
        self._alive[id(slate)] = weakref.ref(slate, self._forgetting(id(slate), count))
        self.places[id(slate)] = place

    def _with_room_for(self, count: int) -> Blocks:
        starts, counts, rows, terms = self.blocks
        return (
            _grown(starts, self._added + 1),
            _grown(counts, self._added + 1),
            _grown(rows, (self._used + count) * self._width),
            _grown(terms, (self._used + count) * self._terms_each),
        )

    def _forgetting(self, key: int, count: int) -> Callable[[object], None]:
        # The number of a slate is given to another object as soon as the slate is gone, so its place goes first.
        def forget(_: object) -> None:
            self.places.pop(key, None)
            self._alive.pop(key, None)
            self._forgotten += count

        return forget


def _grown(array: NDArray[Number], needed: int) -> NDArray[Number]:
    """The array itself, or a copy at least half as long again."""
    if needed <= len(array):
        return array
    grown = np.zeros(max(needed, len(array) * 3 // 2, _FIRST_ARTWORKS), dtype=array.dtype)
    grown[: len(array)] = array
    return grown
