"""The catalogue that pages are decided from, mirrored in memory and brought up to date in small steps."""

import gc
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, nullcontext

from sqlalchemy import Connection, Engine

from api.dependencies.catalogue_lines import TITLES_A_LINE, catalogue_from, lines_of
from api.dependencies.remembering import Told
from api.homepage.catalogue import Catalogue, TitleEntry, title_entry
from api.storage.catalog import CatalogChanges, changed_since, count_titles
from api.storage.database import reading
from api.storage.descriptions import pictures_changed_since
from api.storage.guards import guards_in_force, titles_reguarded_since
from api.storage.vectors import live_embedding_version
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from bandit.context import Candidate, Picture
from bandit.guards import TitleGuards, title_guards

MANY_TITLES = 1000
"""From here on it matters what the garbage collector makes of a catalogue."""


class CatalogueMirror:
    """Holds the newest `Catalogue`; whoever reads `current` keeps a consistent one however often it is refreshed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refreshing = threading.Lock()
        self.current = Catalogue()

    def refresh(self) -> None:
        """Read what changed since the last time, and nothing else.

        Raises:
            StorageUnavailable: the catalogue stays as it was.
        """
        with self._refreshing, reading(self._engine) as connection:
            live = live_embedding_version(connection)
            version = "" if live is None else live.version
            goes_on = version == self.current.embedding_version and not self.current.remembered
            known = self.current if goes_on else Catalogue(embedding_version=version)
            large = known.revision == 0 and count_titles(connection) >= MANY_TITLES
            with _held_for_long() if large else nullcontext():
                self._catch_up(connection, known)

    def told(self) -> Told | None:
        """Return the catalogue as the database said it last, to be remembered."""
        current = self.current
        if current.remembered or not current.revision:
            return None
        return Told(f"{current.revision} {current.embedding_version}", lines_of(current))

    def recall(self, lines: Iterable[bytes]) -> None:
        """Show titles from what is remembered until the database is read."""
        said = [*lines]
        large = len(said) * TITLES_A_LINE >= MANY_TITLES
        with self._refreshing, _held_for_long() if large else nullcontext():
            if not self.current.revision:
                self.current = catalogue_from(said)

    def _catch_up(self, connection: Connection, known: Catalogue) -> None:
        changes = changed_since(connection, known.revision)
        if changes.revision != known.revision or self.current.remembered:
            self.current = known.updated(changes.revision, _entries(connection, known, changes))


@contextmanager
def _held_for_long() -> Generator[None]:
    """Keep the garbage collector from walking over what is being loaded, now and ever after: it is no garbage.

    A whole catalogue is millions of objects; a walk over those of 100,000 artworks stops every page for .4 s. What is
    replaced later is freed all the same, as soon as nothing refers to it.
    """
    gc.collect()
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()


def _entries(connection: Connection, known: Catalogue, changes: CatalogChanges) -> list[TitleEntry]:
    pictures = pictures_changed_since(connection, known.revision, version=known.embedding_version)
    titles = {each.title: each for each in changes.titles}
    artworks: dict[TitleId, dict[ArtworkId, Artwork]] = {title: {} for title in titles}
    for each in changes.artworks:
        artworks.setdefault(each.title, {})[each.artwork] = each
    guards = _guards(connection, known.revision)
    for title in guards:
        artworks.setdefault(title, {})
    return [
        _entry(known.titles.get(title), titles.get(title), changed=changed, pictures=pictures, guards=guards.get(title))
        for title, changed in artworks.items()
    ]


def _guards(connection: Connection, revision: int) -> dict[TitleId, TitleGuards]:
    """The guards in force of every title whose guards changed after a revision."""
    changed = titles_reguarded_since(connection, revision)
    standing = guards_in_force(connection, changed)
    return {title: title_guards(standing.get(title, [])) for title in changed}


def _entry(
    known: TitleEntry | None,
    title: Title | None,
    *,
    changed: Mapping[ArtworkId, Artwork],
    pictures: Mapping[ImageHash, Picture],
    guards: TitleGuards | None,
) -> TitleEntry:
    record = title or (known.title if known else None)
    if record is None:
        raise LookupError("an artwork changed whose title was never read: its foreign key was not enforced")
    kept = {each.artwork: each for each in known.artworks} if known else {}
    everything = [*(kept | dict(changed)).values()]
    standing = guards or (known.guards if known else TitleGuards())
    candidates = _candidates(everything, _own_pictures(known, changed, pictures))
    return title_entry(record, everything, candidates, guards=standing)


def _own_pictures(
    known: TitleEntry | None, changed: Mapping[ArtworkId, Artwork], pictures: Mapping[ImageHash, Picture]
) -> dict[ImageHash, Picture]:
    """The pictures of one title: those that were known, and those of what changed. All of `pictures` are too many."""
    seen = known.candidates.values() if known else ()
    own = {each.image: Picture(vector=each.vector, labels=each.labels, measures=each.measures) for each in seen}
    images = (each.image for each in changed.values() if each.image is not None)
    return own | {image: pictures[image] for image in images if image in pictures}


def _candidates(artworks: list[Artwork], pictures: Mapping[ImageHash, Picture]) -> list[Candidate]:
    return [
        Candidate(
            artwork=each.artwork,
            image=each.image,
            vector=pictures[each.image].vector,
            default=each.default,
            labels=pictures[each.image].labels,
            measures=pictures[each.image].measures,
        )
        for each in artworks
        if each.image is not None and each.image in pictures and each.state is ArtworkState.ACTIVE
    ]
