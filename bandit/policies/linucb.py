"""LinUCB without chance, for comparison only: what it does not show has no support, so its log can prove nothing.

The disjoint model of Li et al. 2010, "A contextual-bandit approach to personalized news article recommendation",
algorithm 1: a ridge regression an artwork on the context, and the artwork with the highest upper bound, always.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.context import Candidate, Context
from bandit.decision import IMAGE_KEY_DIGITS, PolicyVersionId, RewardedDecision
from bandit.encoding import FeatureSpace
from bandit.exploration import greedy
from bandit.policies.policy import Policy, Probabilities, require_artworks
from bandit.rows import context_again
from bandit.sampling import canonical, in_asked_order

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One artwork: the inverse A⁻¹ (d, d) of 1 + Σ x xᵀ, and θ = A⁻¹ Σ r x (d,); x is 1 and the context's columns."""

    inverse: Floats
    theta: Floats


def learn_arms(rows: Iterable[RewardedDecision], space: FeatureSpace) -> dict[str, Arm]:
    """Solve every shown artwork's regression, by image key. Rows must have been checked (`bandit.rows.check_row`)."""
    width = 1 + space.spec.context_width
    moments: dict[str, tuple[Floats, Floats]] = {}
    foundation = space.foundation_version
    intent = space.intent_version
    for row in rows:
        context = context_again(row.page, row.decision, foundation=foundation, intent=intent)
        [columns] = _columns(space, [context])
        image = row.decision.images[row.decision.chosen]
        squares, rewarded = moments.setdefault(image, (np.eye(width), np.zeros(width)))
        squares += np.outer(columns, columns)
        rewarded += row.reward * columns
    return {image: _solved(squares, rewarded) for image, (squares, rewarded) in moments.items()}


def _solved(squares: Floats, rewarded: Floats) -> Arm:
    inverse = np.linalg.inv(squares).astype(np.float64)
    return Arm(inverse, inverse @ rewarded)


class LinUcbPolicy(Policy):
    """Shows the artwork with the highest θᵀx + alpha · √(xᵀ A⁻¹ x); an artwork without an arm counts as one never seen.

    States 1 and 0 only (`floor` is 0): not for a viewer, nor for a log that anything is to be learned from.
    """

    def __init__(self, space: FeatureSpace, arms: Mapping[str, Arm], *, alpha: float = 0.5) -> None:
        """Take arms by image key, learned on contexts of `space`."""
        self.digest = _digest(space, arms, alpha)
        self.version = PolicyVersionId(f"linucb-{self.digest[:12]}")
        self.foundation_version = space.foundation_version
        self.intent_version = space.intent_version
        self._space = space
        self._arms = dict(arms)
        self._alpha = alpha
        width = 1 + space.spec.context_width
        self._unseen = Arm(np.eye(width), np.zeros(width))

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`."""
        require_artworks(artworks)
        [columns] = _columns(self._space, [context])
        arms = [self._arms.get(each.image[:IMAGE_KEY_DIGITS], self._unseen) for each in canonical(artworks)]
        bounds = [_upper_bound(arm, columns, self._alpha) for arm in arms]
        return in_asked_order(artworks, greedy(-np.array([bounds]))[0])


def _columns(space: FeatureSpace, contexts: Sequence[Context]) -> Floats:
    rows = space.context_rows(contexts).astype(np.float64)
    return np.concatenate([np.ones((len(rows), 1)), rows], axis=1)


def _upper_bound(arm: Arm, columns: Floats, alpha: float) -> float:
    return float(arm.theta @ columns + alpha * np.sqrt(columns @ arm.inverse @ columns))


def _digest(space: FeatureSpace, arms: Mapping[str, Arm], alpha: float) -> str:
    told = hashlib.sha256(f"linucb {alpha!r} {space.spec.schema_hash}".encode())
    for array in space.to_arrays().values():
        told.update(np.ascontiguousarray(array).tobytes())
    for image, arm in sorted(arms.items()):
        told.update(image.encode() + arm.inverse.tobytes() + arm.theta.tobytes())
    return told.hexdigest()
