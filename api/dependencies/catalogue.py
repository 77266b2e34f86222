"""The catalogue that pages are decided from, mirrored in memory and brought up to date in small steps."""

import threading
from collections.abc import Mapping

from sqlalchemy import Connection, Engine

from api.homepage.catalogue import Catalogue, TitleEntry, title_entry
from api.storage.catalog import CatalogChanges, changed_since
from api.storage.database import reading
from api.storage.descriptions import pictures_of
from api.storage.guards import guards_in_force, titles_reguarded_since
from api.storage.vectors import live_embedding_version
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from bandit.context import Candidate, Picture
from bandit.guards import TitleGuards, title_guards


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
            known = self.current if version == self.current.embedding_version else Catalogue(embedding_version=version)
            changes = changed_since(connection, known.revision)
            if changes.revision != known.revision:
                self.current = known.updated(changes.revision, _entries(connection, known, changes))


def _entries(connection: Connection, known: Catalogue, changes: CatalogChanges) -> list[TitleEntry]:
    images = {each.image for each in changes.artworks if each.image is not None}
    pictures = pictures_of(connection, images, version=known.embedding_version) if known.embedding_version else {}
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
    seen = known.candidates.values() if known else ()
    known_pictures = {
        each.image: Picture(vector=each.vector, labels=each.labels, measures=each.measures) for each in seen
    }
    standing = guards or (known.guards if known else TitleGuards())
    candidates = _candidates(everything, {**known_pictures, **pictures})
    return title_entry(record, everything, candidates, guards=standing)


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
