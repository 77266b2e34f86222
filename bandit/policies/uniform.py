"""Every eligible artwork alike: the policy that is live until a version is promoted. Looks at no vector."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from bandit.context import Candidate, Context
from bandit.decision import PolicyVersionId
from bandit.policies.policy import Policy, Probabilities, require_artworks

UNIFORM: Final = PolicyVersionId("uniform")


class UniformPolicy(Policy):
    """Gives each of n artworks the probability 1/n. Built in, so its digest is that of its name."""

    version = UNIFORM
    digest = hashlib.sha256(UNIFORM.encode()).hexdigest()

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`."""
        require_artworks(artworks)
        return np.full(len(artworks), 1.0 / len(artworks))
