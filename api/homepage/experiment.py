"""The stage in which a policy states probabilities and the keyed draw picks one artwork a slot, many pages at a time.

Every page gets what it would get alone: sums run in a fixed order, and a page's draws hang on its own key.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from api.homepage.artwork import offer_of
from api.homepage.catalogue import Catalogue, Offer, TitleEntry
from api.homepage.request import AskedTitle, House, PageRequest
from bandit.choice import PageKey, Rules, StatedSlot, draw_page
from bandit.context import Context
from bandit.decision import Reason, Slot
from bandit.errors import IncompatibleModel
from bandit.guards import Bounds
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.policy import Policy
from bandit.policies.slots import Slots, Stated, stated_of
from bandit.sampling import draw_each, draw_uniforms

_CERTAIN = np.ones(1)
Drawn = tuple[tuple[float, ...], int]
"""A `DrawnSlot`, or a plain tuple of the same: what a slot was drawn from, and the index that was drawn."""


class DrawKey(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a draw's key that are the same for a whole page (see `bandit.sampling`)."""

    salt: str
    window: int


class PageDraw(msgspec.Struct, frozen=True, kw_only=True):
    """A page to be drawn: who asks for what, the entries of its titles, in order, and the key of its draws."""

    request: PageRequest
    entries: Sequence[TitleEntry]
    key: DrawKey


def drawn_slots(
    policy: Policy, request: PageRequest, entries: Sequence[TitleEntry], *, key: DrawKey, house: House
) -> tuple[Slot, ...]:
    """Draw one page; see `drawn_pages`."""
    return next(drawn_pages(policy, [PageDraw(request=request, entries=entries, key=key)], house=house))


def drawn_pages(policy: Policy, draws: Sequence[PageDraw], *, house: House) -> Iterator[tuple[Slot, ...]]:
    """Let the policy state the probabilities of every open slot's eligible artworks, and yield the drawn slots by page.

    Raises:
        InvalidProbabilities: the policy stated something that is no distribution.
    """
    orders = [_Offered(draw, [offer_of(entry, draw.request, house=house) for entry in draw.entries]) for draw in draws]
    plain = [not house.diversity and order.is_plain() for order in orders]
    freely = _drawn_freely(policy, [order for order, free in zip(orders, plain, strict=True) if free])
    in_order = _drawn_in_order(policy, [order for order, free in zip(orders, plain, strict=True) if not free], house)
    for free in plain:
        yield next(freely if free else in_order)


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


def default_slot(
    asked: AskedTitle, entry: TitleEntry, *, request: PageRequest, house: House, reason: Reason = Reason.FALLBACK
) -> Slot:
    """Show the default artwork with certainty, or the one that people pinned. `reason` says why it is the default one.

    Raises:
        ValueError: the title has nothing to show.
    """
    default = entry.default()
    if default is None:
        raise ValueError(f"title {asked.title} has no artwork to fall back to: list the titles with entries_of first")
    offer = offer_of(entry, request, house=house) if entry.guards.pins else None
    if offer is None or not offer.pinned:
        offer = Offer(entry.slate(frozenset((default.artwork,))))
    return _slot(asked, offer, drawn=((1.0,), 0), bounds=None, reason=reason)


class _Offered(NamedTuple):
    """A page to be drawn, and what its slots may show."""

    draw: PageDraw
    offers: list[Offer]

    def is_plain(self) -> bool:
        """Whether every slot is drawn from what the policy states, without a look at people's orders."""
        return not any([offer.pinned for offer in self.offers]) and not any(
            [entry.guards.shares for entry in self.draw.entries]
        )


def _drawn_freely(policy: Policy, orders: Sequence[_Offered]) -> Iterator[tuple[Slot, ...]]:
    """Draw plain pages: all slots at once."""
    stated = _stated(policy, orders)
    numbers = [number for order in orders for number in _numbers(order.draw)]
    chosen: list[int] = draw_each(stated.flat, numbers, bounds=stated.bounds).tolist()
    values: list[float] = stated.flat.tolist()
    drawn = zip((tuple(values[begin:end]) for begin, end in pairwise(stated.bounds.tolist())), chosen, strict=True)
    reason = _drawn_reason(policy)
    for draw, own in orders:
        asked = zip(draw.request.titles, own, drawn, strict=False)  # the last of the three goes on to the next page
        yield tuple([_slot(title, offer, drawn=one, bounds=None, reason=reason) for title, offer, one in asked])


def _drawn_in_order(policy: Policy, orders: Sequence[_Offered], house: House) -> Iterator[tuple[Slot, ...]]:
    """Draw pages slot by slot, each slot given the draws before it: pins, shares and diversity act there."""
    stated = iter(_stated(policy, orders).slots())
    reason, rules = _drawn_reason(policy), Rules(diversity=house.diversity, floor=policy.floor)
    for draw, own in orders:
        slots = [
            StatedSlot(
                title=asked.title,
                stated=_CERTAIN if offer.pinned else next(stated),
                vectors=[each.vector for each in offer.artworks] if rules.diversity else (),
                bounds=_bounds(entry, offer, policy),
            )
            for asked, entry, offer in zip(draw.request.titles, draw.entries, own, strict=True)
        ]
        drawn = draw_page(slots, key=_key(draw), rules=rules)
        asked = zip(draw.request.titles, own, slots, drawn, strict=True)
        yield tuple([_slot(title, offer, drawn=one, bounds=s.bounds, reason=reason) for title, offer, s, one in asked])


def _stated(policy: Policy, orders: Sequence[_Offered]) -> Stated:
    """What the policy states for the slots that no pin has decided, page after page."""
    asked: list[AskedTitle] = []
    request_of: list[int] = []
    for number, (draw, own) in enumerate(orders):
        left = [title for title, (_, pinned) in zip(draw.request.titles, own, strict=True) if not pinned]
        asked += left
        request_of += [number] * len(left)
    if not asked:
        return stated_of([])
    slots = Slots(
        requests=[_request_context(policy, order.draw.request) for order in orders],
        request_of=np.array(request_of, dtype=np.int64),
        positions=np.array([title.position for title in asked], dtype=np.float64),
        scores=np.array([title.score or 0.0 for title in asked], dtype=np.float64),
        slates=[slate for order in orders for slate, pinned in order.offers if not pinned],
        titles=[title.title for title in asked],
    )
    return policy.state(slots)


def _bounds(entry: TitleEntry, offer: Offer, policy: Policy) -> Bounds | None:
    """The bounds that shares set to a slot; they do not touch the policy that always shows the default artwork."""
    if not entry.guards.shares or policy.version == DEFAULT:
        return None
    return entry.guards.bounds(offer.artworks.artworks)


def _numbers(draw: PageDraw) -> list[float]:
    key = _key(draw)
    titles = [asked.title for asked in draw.request.titles]
    return draw_uniforms(titles, salt=key.salt, viewer=key.viewer, window=key.window)


def _key(draw: PageDraw) -> PageKey:
    return PageKey(salt=draw.key.salt, viewer=draw.request.viewer.viewer, window=draw.key.window)


def _drawn_reason(policy: Policy) -> Reason:
    """Only what was drawn to explore is learned from."""
    return Reason.DEFAULT if policy.version == DEFAULT else Reason.POLICY


def _request_context(policy: Policy, request: PageRequest) -> Context:
    """What the slots of a page share; viewer and intent only in the versions that the policy understands (C12)."""
    viewer = request.viewer
    understood = viewer.foundation_version is not None and viewer.foundation_version == policy.foundation_version
    intended = viewer.intent_version is not None and viewer.intent_version == policy.intent_version
    return Context(
        request=request.context,
        viewer_vector=viewer.vector if understood else None,
        intent_vector=viewer.intent if intended else None,
    )


def _slot(asked: AskedTitle, offer: Offer, *, drawn: Drawn, bounds: Bounds | None, reason: Reason) -> Slot:
    """Only what the policy drew is learned from: not what people pinned, nor what explores nothing."""
    slate, pinned = offer
    probabilities, chosen = drawn
    return Slot(
        title=asked.title,
        artworks=slate.artworks,
        images=slate.images,
        probabilities=probabilities,
        chosen=chosen,
        position=asked.position,
        score=asked.score,
        reason=Reason.PINNED if pinned else reason,
        bounds=bounds,
    )
