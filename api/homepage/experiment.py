"""The stage in which the live policy states probabilities and the keyed draw picks one artwork a slot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from api.homepage.artwork import Offer, offer_of
from api.homepage.catalogue import Catalogue, TitleEntry
from api.homepage.request import AskedTitle, House, PageRequest
from bandit.choice import DrawnSlot, PageKey, Rules, StatedSlot, draw_page
from bandit.context import Context
from bandit.decision import IMAGE_KEY_DIGITS, Reason, Slot
from bandit.errors import IncompatibleModel
from bandit.guards import Bounds
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.policy import Policy, Probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawKey:
    """The parts of a draw's key that are the same for a whole page (see `bandit.sampling`)."""

    salt: str
    window: int


def drawn_slots(
    policy: Policy, request: PageRequest, entries: Sequence[TitleEntry], *, key: DrawKey, house: House
) -> tuple[Slot, ...]:
    """Let the policy state the probabilities of every open slot's eligible artworks, and draw the slots in order.

    Raises:
        InvalidProbabilities: the policy stated something that is no distribution.
    """
    offers = [offer_of(entry, request, house=house) for entry in entries]
    fixed = policy.version == DEFAULT
    stated = _stated(policy, request, offers)
    slots = [
        StatedSlot(
            title=entry.title.title,
            stated=own,
            vectors=[each.vector for each in offer.artworks] if house.diversity else (),
            bounds=None if fixed else entry.guards.bounds([each.artwork for each in offer.artworks]),
        )
        for entry, offer, own in zip(entries, offers, stated, strict=True)
    ]
    page_key = PageKey(salt=key.salt, viewer=request.viewer.viewer, window=key.window)
    drawn = draw_page(slots, key=page_key, rules=Rules(diversity=house.diversity, floor=policy.floor))
    return tuple(
        _slot(asked, offer, drawn=one, bounds=slot.bounds, reason=_reason(offer, fixed=fixed))
        for asked, offer, slot, one in zip(request.titles, offers, slots, drawn, strict=True)
    )


def _stated(policy: Policy, request: PageRequest, offers: Sequence[Offer]) -> list[Probabilities]:
    """What the policy states for every slot that is left to it; probability 1 where people pinned an artwork."""
    asked = [
        (slot_context(policy, request, title), offer.artworks)
        for title, offer in zip(request.titles, offers, strict=True)
        if not offer.pinned
    ]
    stated = iter(policy.page(asked) if asked else ())
    return [np.ones(1) if offer.pinned else next(stated) for offer in offers]


def _reason(offer: Offer, *, fixed: bool) -> Reason:
    """Only what the policy drew is learned from: not what people pinned, nor what explores nothing."""
    if offer.pinned:
        return Reason.PINNED
    return Reason.DEFAULT if fixed else Reason.POLICY


def slot_context(policy: Policy, request: PageRequest, asked: AskedTitle) -> Context:
    """What the policy may look at for one slot; viewer and intent only in the versions that it understands (C12)."""
    viewer = request.viewer
    understood = viewer.foundation_version is not None and viewer.foundation_version == policy.foundation_version
    intended = viewer.intent_version is not None and viewer.intent_version == policy.intent_version
    return Context(
        request=request.context,
        viewer_vector=viewer.vector if understood else None,
        intent_vector=viewer.intent if intended else None,
        position=asked.position,
        score=asked.score,
        title=asked.title,
    )


def check_versions(policy: Policy, catalogue: Catalogue) -> None:
    """Refuse to let a policy look at vectors of an embedding version that it was not learned on (C12).

    Raises:
        IncompatibleModel: the catalogue's vectors are of another version.
    """
    if policy.embedding_version not in (None, catalogue.embedding_version):
        raise IncompatibleModel(
            f"{policy.version} was learned on {policy.embedding_version}, the catalogue is embedded in "
            f"{catalogue.embedding_version}: learn a new version and promote it"
        )


def default_slot(asked: AskedTitle, entry: TitleEntry, *, request: PageRequest, house: House) -> Slot:
    """Give a slot, with probability 1, the artwork that is pinned or else its title's default; neither is learned."""
    default = entry.default()
    if default is None:
        raise ValueError(f"title {asked.title} has no artwork to fall back to: list the titles with entries_of first")
    offer = offer_of(entry, request, house=house) if entry.guards.pins else Offer((default,))
    shown = offer if offer.pinned else Offer((default,))
    reason = Reason.PINNED if offer.pinned else Reason.FALLBACK
    return _slot(asked, shown, drawn=DrawnSlot((1.0,), 0), bounds=None, reason=reason)


def _slot(asked: AskedTitle, offer: Offer, *, drawn: DrawnSlot, bounds: Bounds | None, reason: Reason) -> Slot:
    return Slot(
        title=asked.title,
        artworks=tuple(each.artwork for each in offer.artworks),
        images=tuple(each.image[:IMAGE_KEY_DIGITS] for each in offer.artworks),
        probabilities=drawn.probabilities,
        chosen=drawn.chosen,
        position=asked.position,
        score=asked.score,
        reason=reason,
        bounds=bounds,
    )
