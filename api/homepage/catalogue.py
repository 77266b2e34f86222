"""The catalogue as a page needs it: an immutable snapshot in memory. Knows no tables and how it was read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from artwork.catalog import Artwork, ArtworkId, ArtworkState, Title, TitleId
from bandit.context import Candidate


@dataclass(frozen=True, slots=True)
class TitleEntry:
    """A title with its artworks in canonical order, and the candidates among them that can be shown.

    A candidate is an ACTIVE artwork whose image has a vector in the snapshot's embedding version.
    """

    title: Title
    artworks: tuple[Artwork, ...]
    candidates: Mapping[ArtworkId, Candidate]

    def default(self) -> Candidate | None:
        """Return the artwork that is shown when nothing is known, or None while there is none to show."""
        marked = [candidate for candidate in self.candidates.values() if candidate.default]
        return next(iter(marked or self.candidates.values()), None)


def title_entry(title: Title, artworks: Iterable[Artwork], candidates: Iterable[Candidate]) -> TitleEntry:
    """Put one title's records into canonical order (by artwork id)."""
    ordered = tuple(sorted(artworks, key=lambda artwork: artwork.artwork))
    active = {artwork.artwork for artwork in ordered if artwork.state is ArtworkState.ACTIVE}
    shown = sorted((each for each in candidates if each.artwork in active), key=lambda each: each.artwork)
    return TitleEntry(title, ordered, MappingProxyType({each.artwork: each for each in shown}))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every title by id, as of `revision`; all vectors are of `embedding_version`."""

    revision: int = 0
    embedding_version: str = ""
    titles: Mapping[TitleId, TitleEntry] = field(default_factory=lambda: MappingProxyType({}))

    def updated(self, revision: int, entries: Iterable[TitleEntry]) -> "Catalogue":
        """Return the catalogue at `revision`, with `entries` replacing their titles."""
        merged = {**self.titles, **{entry.title.title: entry for entry in entries}}
        return Catalogue(revision, self.embedding_version, MappingProxyType(merged))
