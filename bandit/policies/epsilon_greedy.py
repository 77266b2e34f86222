"""The artwork that a scored policy thinks best, but for a share of chance: plain exploration. Knows no log."""

import hashlib
from collections.abc import Sequence

import numpy as np

from bandit.context import Candidate, Context
from bandit.decision import PolicyVersionId
from bandit.exploration import check_share, epsilon_greedy
from bandit.policies.policy import Policy, Probabilities, ScoredPolicy
from bandit.sampling import canonical, in_asked_order


class EpsilonGreedyPolicy(Policy):
    """Gives each of K artworks epsilon / K, and the rest to the one with the lowest predicted cost.

    With `epsilon` 0 it is greedy: what it does not show has no support, and nothing can be learned of it.
    """

    def __init__(self, scored: ScoredPolicy, *, epsilon: float) -> None:
        """Explore over the costs of `scored`.

        Raises:
            InvalidExploration: `epsilon` is not in [0, 1].
        """
        self.floor = check_share(epsilon)
        self.version = PolicyVersionId(f"epsilon-greedy-{epsilon:g}-{scored.version}")
        self.digest = hashlib.sha256(f"epsilon-greedy {epsilon!r} {scored.digest}".encode()).hexdigest()
        self.embedding_version = scored.embedding_version
        self.foundation_version = scored.foundation_version
        self.intent_version = scored.intent_version
        self._scored = scored

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`."""
        return self.page([(context, artworks)])[0]

    def page(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[Probabilities]:
        """See `Policy.page`."""
        costs = self._scored.page_costs([(context, canonical(artworks)) for context, artworks in slots])
        stated = [epsilon_greedy(own[np.newaxis], epsilon=self.floor)[0] for own in costs]
        return [in_asked_order(artworks, own) for (_, artworks), own in zip(slots, stated, strict=True)]
