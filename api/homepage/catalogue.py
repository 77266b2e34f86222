"""The catalogue as a page needs it: an immutable snapshot in memory. Knows no tables and how it was read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from artwork.catalog import Artwork, ArtworkId, ArtworkState, Title, TitleId
from bandit.context import Candidate
from bandit.guards import TitleGuards
from bandit.slate import Slate

_UNGUARDED = TitleGuards()
REMEMBERED_SLATES = 256


class Offer(NamedTuple):
    """What one slot may show, in canonical order; `pinned` where people ordered the one artwork that is left."""

    artworks: Slate
    pinned: bool = False


OfferKey = tuple[str | None, str | None, str | None]
"""Locale and device of a request, and the highest rating that a picture may have."""


@dataclass(frozen=True, slots=True)
class TitleEntry:
    """A title with its artworks in canonical order, the candidates among them that can be shown, and its guards.

    `offer` is what every request may be shown, None where that hangs on the request.
    A candidate is an ACTIVE artwork whose image has a vector in the snapshot's embedding version. `restricted` tells
    whether some are not for every request, `spoilers` whether some are for viewers who have finished the title.
    `slates` holds the sets of candidates that requests were offered (see `slate`), and `offers` what the requests of a
    locale and a device may be shown, where nothing else of them matters (`settled`).
    """

    title: Title
    artworks: tuple[Artwork, ...]
    candidates: Mapping[ArtworkId, Candidate]
    guards: TitleGuards = _UNGUARDED
    everything: frozenset[ArtworkId] = frozenset()
    restricted: bool = False
    spoilers: bool = False
    offer: Offer | None = None
    slates: dict[frozenset[ArtworkId], Slate] = field(default_factory=dict[frozenset[ArtworkId], Slate], compare=False)
    offers: dict[OfferKey, Offer] = field(default_factory=dict[OfferKey, Offer], compare=False)

    @property
    def settled(self) -> bool:
        """Whether nothing of a request but its locale and its device tells what it may be shown."""
        return not (self.spoilers or self.guards.schedules or self.guards.pins)

    def remember(self, key: OfferKey, offer: Offer) -> Offer:
        """Keep what a locale and a device may be shown; not for ever, since locales are the callers' words."""
        if len(self.offers) >= REMEMBERED_SLATES:
            self.offers.clear()
        return self.offers.setdefault(key, offer)

    def slate(self, artworks: frozenset[ArtworkId]) -> Slate:
        """Return these candidates in canonical order: always the same object, so that policies may remember it."""
        found = self.slates.get(artworks)
        if found is None:
            if len(self.slates) >= REMEMBERED_SLATES:
                self.slates.clear()
            chosen = Slate(each for each in self.candidates.values() if each.artwork in artworks)
            found = self.slates.setdefault(artworks, chosen)
        return found

    def default(self) -> Candidate | None:
        """Return the artwork that is shown when nothing is known, or None while there is none to show."""
        marked = [candidate for candidate in self.candidates.values() if candidate.default]
        return next(iter(marked or self.candidates.values()), None)


def title_entry(
    title: Title, artworks: Iterable[Artwork], candidates: Iterable[Candidate], *, guards: TitleGuards = _UNGUARDED
) -> TitleEntry:
    """Put one title's records into canonical order (by artwork id)."""
    ordered = tuple(sorted(artworks, key=lambda artwork: artwork.artwork))
    active = {artwork.artwork for artwork in ordered if artwork.state is ArtworkState.ACTIVE}
    shown = sorted((each for each in candidates if each.artwork in active), key=lambda each: each.artwork)
    own = [each for each in ordered if each.state is ArtworkState.ACTIVE]
    everything, slate = frozenset(each.artwork for each in shown), Slate(shown)
    restricted = bool(guards.schedules) or any(map(_is_restricted, own))
    return TitleEntry(
        title,
        ordered,
        MappingProxyType({each.artwork: each for each in shown}),
        guards,
        everything=everything,
        restricted=restricted,
        spoilers=any(each.spoiler for each in own),
        offer=None if restricted or guards.pins else Offer(slate),
        slates={everything: slate},
    )


def _is_restricted(artwork: Artwork) -> bool:
    return bool(artwork.locales or artwork.devices or artwork.maturity or artwork.spoiler)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every title by id, as of `revision`; all vectors are of `embedding_version`.

    One that is `remembered` from before the database went away has no vectors: it shows default artworks.
    """

    revision: int = 0
    embedding_version: str = ""
    titles: Mapping[TitleId, TitleEntry] = field(default_factory=lambda: MappingProxyType({}))
    remembered: bool = False

    def lacks(self, titles: Iterable[TitleId]) -> list[TitleId]:
        """Return those of the titles that are not here, or have no artwork that can be shown."""
        entries = self.titles
        return [title for title in titles if title not in entries or not entries[title].candidates]

    def updated(self, revision: int, entries: Iterable[TitleEntry]) -> "Catalogue":
        """Return the catalogue at `revision`, with `entries` replacing their titles."""
        merged = {**self.titles, **{entry.title.title: entry for entry in entries}}
        return Catalogue(revision, self.embedding_version, MappingProxyType(merged))
