"""The one shape of a policy: it states probabilities and never draws. Knows no titles, no viewers' ids, no log."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bandit.context import Candidate, Context
from bandit.decision import PolicyVersionId
from bandit.errors import InvalidExample, NoEligibleArtwork
from bandit.policies.slots import Slots, Stated, stated_of

Probabilities = NDArray[np.float64]


class Policy(ABC):
    """States the probability of every eligible artwork of a slot.

    `version` names the policy version, `digest` is the SHA-256 of what it was loaded from.
    `embedding_version` is the only one whose vectors it takes, or None where it looks at no vector.
    `foundation_version` is the only one whose viewer vectors it understands, `intent_version` the only one whose intent
    vectors: pass none of another one.
    `floor` / K is what it leaves to each of K artworks at least; 0: no such promise.
    """

    version: PolicyVersionId
    digest: str
    embedding_version: str | None = None
    foundation_version: str | None = None
    intent_version: str | None = None
    floor: float = 0.0

    @abstractmethod
    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """Return the distribution over `artworks`, shape (len(artworks),), float64, summing to 1 within 1e-9.

        Raises:
            NoEligibleArtwork: `artworks` is empty.
            InvalidExample: it holds an artwork twice.
        """

    def page(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[Probabilities]:
        """Return the distribution of every slot of a page, as `probabilities` would, in the order of `slots`."""
        return [self.probabilities(context, artworks) for context, artworks in slots]

    def state(self, slots: Slots) -> Stated:
        """Return the distributions of the slots of many pages, each with its artworks in canonical order.

        Raises:
            NoEligibleArtwork: a slate is empty.
            InvalidExample, InvalidProjection: the arrays do not fit together, or a vector, score or measure does not.
        """
        return stated_of(self.page(slots.pairs()))


class ScoredPolicy(Policy):
    """A policy that explores over what it predicts each artwork to cost: 1 − reward, so lower is better."""

    @abstractmethod
    def page_costs(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[NDArray[np.float64]]:
        """Return each slot's predicted costs, (len(artworks),) in the order of its artworks. Raises as `page` does."""


def require_artworks(*slots: Sequence[Candidate]) -> None:
    """Refuse slots of which one has no artwork, or one of them twice.

    Raises:
        NoEligibleArtwork: one has none.
        InvalidExample: one lists an artwork twice, so that nobody could tell which of the two was drawn.
    """
    if not all(slots):
        raise NoEligibleArtwork("a title without an active artwork cannot be decided; upload or activate one")
    for artworks in slots:
        if len({each.artwork for each in artworks}) < len(artworks):
            names = sorted(each.artwork for each in artworks)
            raise InvalidExample(f"an artwork is listed twice among {names}; list each of a title's artworks once")
