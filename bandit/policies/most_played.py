"""The artwork that is played most often, for everyone alike, and a floor for the others. Looks at no vector.

What a team would do without a model, and hence what a model has to beat.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from bandit.context import Candidate, Context
from bandit.decision import IMAGE_KEY_DIGITS, PolicyVersionId, RewardedDecision
from bandit.exploration import InvalidExploration, check_share, greedy, with_floor
from bandit.policies.policy import Policy, Probabilities, require_artworks
from bandit.sampling import canonical, in_asked_order


class Played(NamedTuple):
    """How often an artwork was seen, and what these decisions were worth together (`plays` ≤ `seen`)."""

    seen: float
    plays: float


def count_plays(rows: Iterable[RewardedDecision]) -> dict[str, Played]:
    """Count by image key. Fair between artworks only if they were shown to viewers alike, as `uniform` does."""
    counts: dict[str, Played] = {}
    for row in rows:
        image = row.decision.images[row.decision.chosen]
        seen, plays = counts.get(image, (0.0, 0.0))
        counts[image] = Played(seen + 1.0, plays + row.reward)
    return counts


class MostPlayedPolicy(Policy):
    """Shows the artwork with the highest rate of plays, drawn towards its title's by `strength` exposures.

    The rate is the posterior mean under a Beta prior with the title's own rate as its mean: (plays + strength · title's
    rate) / (seen + strength). An artwork that was never counted has the title's rate. K artworks get at least
    epsilon / K each.
    """

    def __init__(self, counts: Mapping[str, Played], *, epsilon: float = 0.01, strength: float = 50.0) -> None:
        """Take counts by image key.

        Raises:
            InvalidExploration: `epsilon` is not in [0, 1], or `strength` not above 0.
        """
        if not strength > 0:
            raise InvalidExploration(f"a prior worth {strength} exposures has no meaning: give more than 0")
        self.floor = check_share(epsilon)
        content = msgspec.json.encode((sorted(counts.items()), epsilon, strength))
        self.digest = hashlib.sha256(content).hexdigest()
        self.version = PolicyVersionId(f"most-played-{self.digest[:12]}")
        self._counts = dict(counts)
        self._strength = strength

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`."""
        require_artworks(artworks)
        keys = [artwork.image[:IMAGE_KEY_DIGITS] for artwork in canonical(artworks)]
        seen, plays = np.array([self._counts.get(key, (0.0, 0.0)) for key in keys]).T
        level = plays.sum() / max(1.0, seen.sum())
        rates = (plays + self._strength * level) / (seen + self._strength)
        return in_asked_order(artworks, with_floor(greedy(-rates[np.newaxis]), epsilon=self.floor)[0])
