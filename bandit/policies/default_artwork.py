"""The title's default artwork, always: what a page falls back on and is compared with. Looks at no vector."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from bandit.context import Candidate, Context
from bandit.decision import PolicyVersionId
from bandit.policies.policy import Policy, Probabilities, require_artworks

DEFAULT: Final = PolicyVersionId("default")


class DefaultArtworkPolicy(Policy):
    """Gives the default artwork probability 1; where none or several are marked, the first of those by artwork id.

    It explores nothing, so its decisions are never learned from. Built in: its digest is that of its name.
    """

    version = DEFAULT
    digest = hashlib.sha256(DEFAULT.encode()).hexdigest()

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`."""
        require_artworks(artworks)
        shown = min(range(len(artworks)), key=lambda index: (not artworks[index].default, artworks[index].artwork))
        stated = np.zeros(len(artworks))
        stated[shown] = 1.0
        return stated
