"""Thompson sampling on the linear learner's posterior, its probabilities by quadrature. Knows no learner and no log.

An artwork is shown as often as it is believed to be the best: the chance that a reward drawn from its posterior passes
one drawn from every other's (Thompson 1933; Chapelle & Li 2011). Draws are independent between artworks, so that chance
is one integral an artwork,

    p_a = ∫ φ(z) ∏_{b ≠ a} Φ((μ_a + σ_a z − μ_b) / σ_b) dz,

and never a count of simulated draws, which would be biased where it is divided by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bandit.context import Candidate, Context
from bandit.decision import IMAGE_KEY_DIGITS, PolicyVersionId
from bandit.encoding import FeatureSpace
from bandit.errors import IncompatibleModel
from bandit.exploration import best_of_normals, with_floor
from bandit.linear.model import Certainty, LinearModel
from bandit.policies.policy import Policy, Probabilities, require_artworks
from bandit.policies.weights import Weights
from bandit.sampling import canonical, in_asked_order
from bandit.slate import Slate

Floats = NDArray[np.float64]
_LEAST_SPREAD = 1e-6
"""Artworks are never believed to be known to more than this: two that nobody could tell apart stay alike."""


class ThompsonPolicy(Policy):
    """Thompson sampling with a floor. Safe to share between threads; slower than SquareCB by the posterior's size."""

    def __init__(
        self, space: FeatureSpace, model: LinearModel, *, version: PolicyVersionId, digest: str, epsilon: float
    ) -> None:
        """Take the weights and how sure they are.

        Raises:
            IncompatibleModel: the model does not say how sure it is.
        """
        if model.certainty is None:
            raise IncompatibleModel("this version does not say how sure it is; learn it with sampling thompson")
        self.version = version
        self.digest = digest
        self.embedding_version = space.embedding_version
        self.foundation_version = space.foundation_version
        self.intent_version = space.intent_version
        self.floor = epsilon
        self._space = space
        self._weights: Weights = model.weights
        self._certainty: Certainty = model.certainty
        self._met: WeakKeyDictionary[Slate, _Known] = WeakKeyDictionary()

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`. Raises InvalidExample or InvalidProjection on vectors that do not fit."""
        return self.page([(context, artworks)])[0]

    def page(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[Probabilities]:
        """See `Policy.page`. Quickest with a `Slate` for each title."""
        require_artworks(*(artworks for _, artworks in slots))
        rows = self._space.context_rows([context for context, _ in slots]).astype(np.float64)
        return [self._state(row, artworks) for row, (_, artworks) in zip(rows, slots, strict=True)]

    def _state(self, row: Floats, artworks: Sequence[Candidate]) -> Probabilities:
        mean, spread = self._believed(row, self._known_of(artworks))
        stated = with_floor(best_of_normals(mean[np.newaxis], spread[np.newaxis]), epsilon=self.floor)[0]
        return in_asked_order(artworks, stated)

    def _believed(self, row: Floats, own: "_Known") -> tuple[Floats, Floats]:
        """The mean and the standard deviation of each artwork's reward in a context: (K,), (K,)."""
        weights, certainty = self._weights, self._certainty
        costs = own.sides @ (weights.artwork + row @ weights.crossed) + own.costs
        features = np.concatenate([_crossed(row, own.sides), own.mains], axis=1)[:, certainty.columns] - own.leverage
        variance = ((features @ certainty.covariance) * features).sum(axis=1) + own.variance
        return 1.0 - costs, np.sqrt(np.maximum(variance, _LEAST_SPREAD**2))

    def _known_of(self, artworks: Sequence[Candidate]) -> "_Known":
        if not isinstance(artworks, Slate):
            return self._look_up(canonical(artworks))
        known = self._met.get(artworks)
        if known is None:
            known = self._met[artworks] = self._look_up(artworks)
        return known

    def _look_up(self, artworks: Sequence[Candidate]) -> "_Known":
        certainty = self._certainty
        rows = [self._space.artwork_rows(artwork.vector[np.newaxis]) for artwork in artworks]
        mains = self._space.main_rows(artworks).astype(np.float64)
        keys = [artwork.image[:IMAGE_KEY_DIGITS] for artwork in artworks]
        owns = [self._weights.own[list(places)].mean() if places else 0.0 for places in self._space.own_terms(keys)]
        places = np.array(self._space.known_places(keys))
        known = places >= 0
        leverage = np.zeros((len(places), len(certainty.columns)))
        variance = np.full(len(places), certainty.own_prior)
        leverage[known], variance[known] = certainty.leverage[places[known]], certainty.own_variance[places[known]]
        return _Known(
            sides=np.concatenate(rows).astype(np.float64),
            mains=mains,
            costs=mains @ self._weights.main + np.array(owns),
            leverage=leverage,
            variance=variance,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What is known of K artworks whatever the context; see `bandit.linear.model.Certainty`."""

    sides: Floats
    mains: Floats
    costs: Floats
    leverage: Floats
    variance: Floats


def _crossed(row: Floats, sides: Floats) -> Floats:
    """A constant and the context's columns, crossed with each artwork's: (K, (1 + C) · A)."""
    context = np.concatenate([[1.0], row])
    return (context[:, np.newaxis] * sides[:, np.newaxis, :]).reshape(len(sides), -1)
