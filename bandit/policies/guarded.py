"""Any policy under guards: what it would state if people had pinned, paused, scheduled or bounded artworks.

For valuing "this version with that guard" on a log, and for rehearsal; the service lets the same guards act where it
lists the eligible artworks. Knows no storage.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.context import Candidate, Context
from bandit.decision import PolicyVersionId
from bandit.guards import TitleGuards, floor_under, within
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.policy import Policy, Probabilities, require_artworks

_NONE = TitleGuards()


class GuardedPolicy(Policy):
    """States what `policy` does over the artworks that guards leave, held between the shares, and 0 for the others.

    `guards` and `withheld` (artworks paused or retired) are by title; a context must name its title for them to act.
    The default artwork is never taken out, and where nothing would be left nothing is. Shares do not touch the policy
    that always shows the default artwork.
    """

    def __init__(
        self,
        policy: Policy,
        guards: Mapping[TitleId, TitleGuards],
        *,
        withheld: Mapping[TitleId, Collection[ArtworkId]] | None = None,
    ) -> None:
        self.version = PolicyVersionId(f"{policy.version}+guards")
        self.digest = policy.digest
        self.embedding_version = policy.embedding_version
        self.foundation_version = policy.foundation_version
        self.intent_version = policy.intent_version
        self.floor = policy.floor
        self._policy = policy
        self._guards = guards
        self._withheld = withheld or {}

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`."""
        return self.page([(context, artworks)])[0]

    def page(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[Probabilities]:
        """See `Policy.page`."""
        require_artworks(*(artworks for _, artworks in slots))
        left = [self._left(context, artworks) for context, artworks in slots]
        asked = [
            (context, [artworks[index] for index in kept])
            for (context, artworks), kept in zip(slots, left, strict=True)
        ]
        stated = self._policy.page(asked)
        return [
            self._spread(own, context, artworks, kept=kept)
            for own, (context, artworks), kept in zip(stated, slots, left, strict=True)
        ]

    def _left(self, context: Context, artworks: Sequence[Candidate]) -> list[int]:
        """The indices of the artworks that guards leave: a pinned one alone."""
        if context.title is None:
            return [*range(len(artworks))]
        guards, withheld = self._guards.get(context.title, _NONE), self._withheld.get(context.title, ())
        at = context.request.at
        kept = [
            index
            for index, each in enumerate(artworks)
            if each.default or (each.artwork not in withheld and guards.due(each.artwork, at))
        ] or [*range(len(artworks))]
        pinned = guards.pinned({artworks[index].artwork for index in kept}, context.request)
        return [index for index in kept if artworks[index].artwork == pinned] or kept

    def _spread(
        self, own: Probabilities, context: Context, artworks: Sequence[Candidate], *, kept: Sequence[int]
    ) -> Probabilities:
        bounds = None
        if context.title is not None and self._policy.version != DEFAULT:
            guards = self._guards.get(context.title, _NONE)
            bounds = guards.bounds([artworks[index].artwork for index in kept])
        spread = np.zeros(len(artworks))
        spread[[*kept]] = own if bounds is None else within(own, bounds, kept=floor_under(own, self.floor))
        return spread
