"""A trained version as plain matrices: a page is one product of contexts and artworks. Knows no engine and no log.

States what `bandit.policies.vowpal` would, within the engine's float32 rounding (docs/choice.md has the numbers), at a
fraction of its time, with no lock. Sums run in a fixed order in float64, so a slot gets the same probabilities alone
and inside any page, to the last bit.
"""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bandit.context import Candidate, Context
from bandit.decision import IMAGE_KEY_DIGITS, PolicyVersionId
from bandit.encoding import FeatureSpace
from bandit.exploration import Exploration
from bandit.policies.policy import Policy, Probabilities, require_artworks
from bandit.policies.vowpal import Weights
from bandit.sampling import canonical

_FIRST_ROWS = 256


class CompiledPolicy(Policy):
    """SquareCB over exported weights. Safe to share between threads; remembers a row of numbers an artwork it met."""

    def __init__(
        self, space: FeatureSpace, weights: Weights, *, version: PolicyVersionId, digest: str, exploration: Exploration
    ) -> None:
        self.version = version
        self.digest = digest
        self.embedding_version = space.artworks.embedding_version
        self.foundation_version = space.viewers.embedding_version if space.viewers else None
        self._space = space
        self._weights = weights
        self._exploration = exploration
        self._table = _ArtworkTable(space, weights.own)

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`. Raises InvalidExample or InvalidProjection on vectors that do not fit."""
        return self.page([(context, artworks)])[0]

    def page(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[Probabilities]:
        """See `Policy.page`."""
        require_artworks(*(artworks for _, artworks in slots))
        tastes = self._tastes([context for context, _ in slots])
        ordered = [canonical(artworks) for _, artworks in slots]
        stated: list[Probabilities] = [np.empty(0)] * len(slots)
        for count in {len(artworks) for artworks in ordered}:
            alike = [index for index, artworks in enumerate(ordered) if len(artworks) == count]
            rows, own = self._table.look_up([ordered[index] for index in alike])
            costs = (rows * tastes[alike][:, np.newaxis]).sum(axis=2) + own
            for index, probabilities in zip(alike, self._exploration.probabilities(costs), strict=True):
                stated[index] = _in_order_of(slots[index][1], ordered[index], probabilities)
        return stated

    def _tastes(self, contexts: Sequence[Context]) -> NDArray[np.float64]:
        """What each context adds to the cost of an artwork's columns: (n, artwork_width), summed in a fixed order.

        Columns that no context uses are left out: adding zeros changes no bit of a sum.
        """
        rows = self._space.context_rows(contexts).astype(np.float64)
        used = rows.any(axis=0)
        crossed = rows[:, used, np.newaxis] * self._weights.crossed[used]
        return crossed.sum(axis=1) + self._weights.artwork


class _ArtworkTable:
    """Rows of numbers by image, grown as artworks are met. Readers need no lock: a place is told once it is filled."""

    def __init__(self, space: FeatureSpace, own: NDArray[np.float64]) -> None:
        self._space = space
        self._own_weights = own
        self._places: dict[str, int] = {}
        self._rows = np.empty((_FIRST_ROWS, space.spec.artwork_width))
        self._own = np.empty(_FIRST_ROWS)
        self._lock = threading.Lock()

    def look_up(self, slots: Sequence[Sequence[Candidate]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the rows (n, K, artwork_width) and own terms (n, K) of n slots with K artworks each."""
        places = np.array([[self._place(artwork) for artwork in artworks] for artworks in slots])
        own = self._own[places]
        return self._rows[places], _with_mean_of_known(own) if np.isnan(own).any() else own

    def _place(self, artwork: Candidate) -> int:
        place = self._places.get(artwork.image)
        return self._add(artwork) if place is None else place

    def _add(self, artwork: Candidate) -> int:
        row = self._space.artwork_rows(artwork.vector[np.newaxis])[0]
        known = self._space.own_terms([artwork.image[:IMAGE_KEY_DIGITS]])[0]
        with self._lock:
            place = len(self._places)
            if place == len(self._rows):
                self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
                self._own = np.concatenate([self._own, np.empty_like(self._own)])
            self._rows[place] = row
            self._own[place] = self._own_weights[known[0]] if known else np.nan
            return self._places.setdefault(artwork.image, place)


def _with_mean_of_known(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give artworks that the log did not hold the mean own term of their title's known ones, 0 where there are none."""
    known = ~np.isnan(own)
    mean = np.where(known, own, 0.0).sum(axis=1, keepdims=True) / np.maximum(1, known.sum(axis=1, keepdims=True))
    return np.where(known, own, mean)


def _in_order_of(
    asked: Sequence[Candidate], ordered: Sequence[Candidate], probabilities: Probabilities
) -> Probabilities:
    """Put the probabilities of artworks in canonical order back into the order they were asked in."""
    if [*map(id, asked)] == [*map(id, ordered)]:
        return probabilities
    stated = np.empty(len(asked))
    stated[sorted(range(len(asked)), key=lambda index: asked[index].artwork)] = probabilities
    return stated
