"""The stage in which a policy states probabilities and the keyed draw picks one artwork a slot, many pages at a time.

Every page gets what it would get alone: sums run in a fixed order, and a page's draws hang on its own key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from api.homepage.artwork import offer_of
from api.homepage.catalogue import Catalogue, Offer, TitleEntry
from api.homepage.request import AskedTitle, House, PageRequest
from bandit.choice import DrawnSlot, PageKey, Rules, StatedSlot, draw_page
from bandit.context import Context
from bandit.decision import Reason, Slot
from bandit.errors import IncompatibleModel
from bandit.guards import Bounds
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.slots import Slots
from bandit.sampling import draw_each, draw_uniforms

_CERTAIN = np.ones(1)
Drawn = tuple[tuple[float, ...], int]
"""A `DrawnSlot`, or a plain tuple of the same: what a slot was drawn from, and the index that was drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawKey:
    """The parts of a draw's key that are the same for a whole page (see `bandit.sampling`)."""

    salt: str
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDraw:
    """A page to be drawn: who asks for what, the entries of its titles, in order, and the key of its draws."""

    request: PageRequest
    entries: Sequence[TitleEntry]
    key: DrawKey


@dataclass(frozen=True, slots=True)
class _Offered:
    """A page's offers, what is stated for each, and whether its slots can be drawn without looking at one another."""

    draw: PageDraw
    offers: Sequence[Offer]
    stated: Sequence[Probabilities]
    bounds: Sequence[Bounds | None]


def drawn_slots(
    policy: Policy, request: PageRequest, entries: Sequence[TitleEntry], *, key: DrawKey, house: House
) -> tuple[Slot, ...]:
    """Draw one page; see `drawn_pages`."""
    return drawn_pages(policy, [PageDraw(request=request, entries=entries, key=key)], house=house)[0]


def drawn_pages(policy: Policy, draws: Sequence[PageDraw], *, house: House) -> list[tuple[Slot, ...]]:
    """Let the policy state the probabilities of every open slot's eligible artworks, and draw the slots of each page.

    Raises:
        InvalidProbabilities: the policy stated something that is no distribution.
    """
    fixed = policy.version == DEFAULT
    offers = [[entry.offer or offer_of(entry, draw.request, house=house) for entry in draw.entries] for draw in draws]
    stated = _stated(policy, draws, offers)
    pages = [
        _Offered(draw, own, _of_page(own, stated), _bounds(draw.entries, own, fixed=fixed))
        for draw, own in zip(draws, offers, strict=True)
    ]
    free = [page for page in pages if not house.diversity and not any(page.bounds)]
    drawn = dict(zip(map(id, free), _drawn_freely(free), strict=True))
    rules = Rules(diversity=house.diversity, floor=policy.floor)
    reason = Reason.DEFAULT if fixed else Reason.POLICY
    return [_slots(page, drawn.get(id(page)) or _drawn_in_order(page, rules), reason=reason) for page in pages]


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


def _stated(policy: Policy, draws: Sequence[PageDraw], offers: Sequence[Sequence[Offer]]) -> Iterator[Probabilities]:
    """What the policy states for the slots that are left to it, page after page."""
    requests = [_request_context(policy, draw.request) for draw in draws]
    asked: list[AskedTitle] = []
    request_of: list[int] = []
    for number, (draw, own) in enumerate(zip(draws, offers, strict=True)):
        left = [title for title, (_, pinned) in zip(draw.request.titles, own, strict=True) if not pinned]
        asked += left
        request_of += [number] * len(left)
    if not asked:
        return iter(())
    slots = Slots(
        requests=requests,
        request_of=np.array(request_of, dtype=np.int64),
        positions=np.array([title.position for title in asked], dtype=np.float64),
        scores=np.array([title.score or 0.0 for title in asked], dtype=np.float64),
        slates=[slate for own in offers for slate, pinned in own if not pinned],
        titles=[title.title for title in asked],
    )
    return iter(policy.state(slots).slots())


def _of_page(offers: Sequence[Offer], stated: Iterator[Probabilities]) -> list[Probabilities]:
    """One page's part of what is stated; probability 1 where people pinned an artwork."""
    if any(pinned for _, pinned in offers):
        return [_CERTAIN if offer.pinned else next(stated) for offer in offers]
    return [*islice(stated, len(offers))]


def _bounds(entries: Sequence[TitleEntry], offers: Sequence[Offer], *, fixed: bool) -> list[Bounds | None]:
    """The bounds that shares set to each slot; they do not touch the policy that always shows the default artwork."""
    return [
        entry.guards.bounds(offer.artworks.artworks) if entry.guards.shares and not fixed else None
        for entry, offer in zip(entries, offers, strict=True)
    ]


def _drawn_freely(pages: Sequence[_Offered]) -> list[list[Drawn]]:
    """Draw pages none of whose slots is bounded or looks at its neighbours: all at once."""
    if not pages:
        return []
    numbers = [number for page in pages for number in _numbers(page)]
    stated = [own for page in pages for own in page.stated]
    bounds = np.zeros(len(stated) + 1, dtype=np.int64)
    np.cumsum([*map(len, stated)], out=bounds[1:])
    flat = np.concatenate(stated)
    chosen = draw_each(flat, numbers, bounds=bounds).tolist()
    values: list[float] = flat.tolist()
    probabilities = [tuple(values[begin:end]) for begin, end in pairwise(bounds.tolist())]
    drawn = [*zip(probabilities, chosen, strict=True)]
    ends = [0, *np.cumsum([len(page.stated) for page in pages]).tolist()]
    return [drawn[begin:end] for begin, end in pairwise(ends)]


def _drawn_in_order(page: _Offered, rules: Rules) -> list[DrawnSlot]:
    """Draw a page's slots one after the other, each given the draws before it."""
    slots = [
        StatedSlot(
            title=asked.title,
            stated=own,
            vectors=[each.vector for each in offer.artworks] if rules.diversity else (),
            bounds=bounds,
        )
        for asked, offer, own, bounds in zip(
            page.draw.request.titles, page.offers, page.stated, page.bounds, strict=True
        )
    ]
    return draw_page(slots, key=_key(page), rules=rules)


def _numbers(page: _Offered) -> list[float]:
    key = _key(page)
    titles = [asked.title for asked in page.draw.request.titles]
    return draw_uniforms(titles, salt=key.salt, viewer=key.viewer, window=key.window)


def _key(page: _Offered) -> PageKey:
    key = page.draw.key
    return PageKey(salt=key.salt, viewer=page.draw.request.viewer.viewer, window=key.window)


def _slots(page: _Offered, drawn: Sequence[Drawn], *, reason: Reason) -> tuple[Slot, ...]:
    asked = zip(page.draw.request.titles, page.offers, drawn, page.bounds, strict=True)
    return tuple([_slot(title, offer, drawn=one, bounds=bounds, reason=reason) for title, offer, one, bounds in asked])


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
