"""The stage that lists the eligible artworks of every asked title. Knows no policy and draws nothing."""

from collections.abc import Iterable, Sequence

from api.homepage.catalogue import Catalogue, Offer, TitleEntry
from api.homepage.request import AskedTitle, House, PageRequest
from artwork.catalog import Artwork, ArtworkId, TitleId
from artwork.maturity import may_stand_for
from bandit.guards import speaks
from bandit.slate import Slate


class UnknownTitles(LookupError):
    """Titles were asked for that the catalogue does not hold."""

    def __init__(self, titles: Sequence[TitleId]) -> None:
        super().__init__(", ".join(titles))
        self.titles = tuple(titles)


class TitlesWithoutArtwork(LookupError):
    """Titles were asked for that have no eligible artwork, not even a default one."""

    def __init__(self, titles: Sequence[TitleId]) -> None:
        super().__init__(", ".join(titles))
        self.titles = tuple(titles)


def entries_of(catalogue: Catalogue, asked: Iterable[AskedTitle]) -> list[TitleEntry]:
    """Look up every asked title, in order.

    Raises:
        UnknownTitles: some are not in the catalogue; all of them are named.
        TitlesWithoutArtwork: some have nothing to show; all of them are named.
    """
    names = [each.title for each in asked]
    unknown = [name for name in names if name not in catalogue.titles]
    if unknown:
        raise UnknownTitles(unknown)
    entries = [catalogue.titles[name] for name in names]
    bare = [entry.title.title for entry in entries if not entry.candidates]
    if bare:
        raise TitlesWithoutArtwork(bare)
    return entries


def offer_of(entry: TitleEntry, request: PageRequest, *, house: House) -> Offer:
    """List what a slot may show to this request: what is eligible or, of that, the artwork that is pinned."""
    if entry.offer is not None:
        return entry.offer
    if entry.settled:
        key = (request.context.locale, request.context.device, house.maturity_limit)
        return entry.offers.get(key) or entry.remember(key, Offer(eligible(entry, request, house=house)))
    found = eligible(entry, request, house=house)
    if entry.guards.pins:
        pinned = entry.guards.pinned({each.artwork for each in found}, request.context)
        if pinned is not None:
            return Offer(entry.slate(frozenset((pinned,))), pinned=True)
    return Offer(found)


def eligible(entry: TitleEntry, request: PageRequest, *, house: House) -> Slate:
    """List the candidates that this request may be shown, in canonical order; the default is always among them."""
    if not entry.restricted:
        return entry.slate(entry.everything)
    default = entry.default()
    fitting = {each.artwork for each in entry.artworks if _fits(each, entry, request, house=house)}
    always = frozenset[ArtworkId]() if default is None else frozenset((default.artwork,))
    return entry.slate((entry.everything & fitting) | always)


def _fits(artwork: Artwork, entry: TitleEntry, request: PageRequest, *, house: House) -> bool:
    context = request.context
    return (
        _fits_locale(artwork, context.locale)
        and (not artwork.devices or context.device is None or context.device in artwork.devices)
        and may_stand_for(artwork.maturity, entry.title.maturity, limit=house.maturity_limit)
        and (not artwork.spoiler or entry.title.title in request.viewer.finished)
        and entry.guards.due(artwork.artwork, context.at)
    )


def _fits_locale(artwork: Artwork, locale: str | None) -> bool:
    return locale is None or not artwork.locales or any(speaks(locale, each) for each in artwork.locales)
