"""The artwork that is played most often, for everyone alike, and a floor for the others. Looks at no vector.

What a team would do without a model, and hence what a model has to beat.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from bandit.context import Candidate, Context
from bandit.decision import IMAGE_KEY_DIGITS, PolicyVersionId, Reason, RewardedDecision
from bandit.errors import IncompatibleModel
from bandit.exploration import InvalidExploration, check_share, greedy, with_floor
from bandit.policies.policy import Policy, Probabilities, require_artworks
from bandit.sampling import canonical, in_asked_order

NAME = "most-played"
"""What the names of these policy versions begin with."""


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


def count_fairly(rows: Iterable[RewardedDecision]) -> dict[str, Played]:
    """Count by image key from a log whose policies showed each artwork to those who like it.

    A drawn decision counts 1 / (p · kept), so that every artwork is valued on all viewers (Hájek's self-normalised
    mean), and an artwork's counts are those of as many decisions of equal weight as would tell as much (Kish 1965).
    Defaults, pins and fall-backs are no draws and are left out. Counts are rounded: noise of a sum makes no version.
    """
    sums: dict[str, tuple[float, float, float]] = {}
    for row in rows:
        slot = row.decision
        if slot.reason is Reason.POLICY and slot.probability > 0:
            weight = 1.0 / (slot.probability * row.page.kept)
            mass, square, worth = sums.get(slot.images[slot.chosen], (0.0, 0.0, 0.0))
            added = (mass + weight, square + weight * weight, worth + weight * row.reward)
            sums[slot.images[slot.chosen]] = added
    return {image: _effective(*each) for image, each in sums.items()}


def _effective(mass: float, square: float, worth: float) -> Played:
    seen = round(mass * mass / square)
    return Played(float(seen), round(seen * min(1.0, worth / mass), 1))


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
        self._counts = {image: Played(float(seen), float(plays)) for image, (seen, plays) in counts.items()}
        self._strength = strength
        self.digest = hashlib.sha256(self.to_bytes()).hexdigest()
        self.version = PolicyVersionId(f"{NAME}-{self.digest[:12]}")

    def to_bytes(self) -> bytes:
        """The whole policy, deterministic: `digest` is the SHA-256 of these bytes."""
        packed = _Packed(counts=sorted(self._counts.items()), epsilon=self.floor, strength=self._strength)
        return msgspec.json.encode(packed)

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`."""
        require_artworks(artworks)
        keys = [artwork.image[:IMAGE_KEY_DIGITS] for artwork in canonical(artworks)]
        seen, plays = np.array([self._counts.get(key, (0.0, 0.0)) for key in keys]).T
        level = plays.sum() / max(1.0, seen.sum())
        rates = (plays + self._strength * level) / (seen + self._strength)
        return in_asked_order(artworks, with_floor(greedy(-rates[np.newaxis]), epsilon=self.floor)[0])


class _Packed(msgspec.Struct, tag=NAME, tag_field="policy", frozen=True):
    """The bytes of a version: JSON that begins with what it is."""

    counts: list[tuple[str, Played]]
    epsilon: float
    strength: float


def is_most_played(bundle: bytes) -> bool:
    """Whether these are the bytes of such a policy, and no learned one's."""
    return bundle.startswith(b'{"policy":"' + NAME.encode() + b'"')


def most_played_from(bundle: bytes) -> MostPlayedPolicy:
    """Return the policy that `MostPlayedPolicy.to_bytes` gave; the caller has checked the digest.

    Raises:
        IncompatibleModel: these are no such bytes.
    """
    try:
        packed = msgspec.json.decode(bundle, type=_Packed)
        return MostPlayedPolicy(dict(packed.counts), epsilon=packed.epsilon, strength=packed.strength)
    except (msgspec.MsgspecError, InvalidExploration) as error:
        raise IncompatibleModel(f"these are no counts of plays of this Keyart ({error}); count again") from error
