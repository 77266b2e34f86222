"""Titles and the artworks' descriptions: written, listed, and what changed since a revision. Knows no image bytes.

A title that has artworks has one default: the one that was marked last, or else the first that got an image.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any

from sqlalchemy import Connection, RowMapping, Text, func, select, type_coerce, update

from api.errors import Conflict, UnknownArtwork, UnknownTitle
from api.storage.columns import ROWS_AT_ONCE, upsert
from api.storage.revisions import Revision, current_revision, next_revision
from api.storage.tables import artworks, titles
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId, TitleKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogChanges:
    """The titles and artworks, as they are now, that changed after a revision; `revision` is the one reached."""

    revision: int
    titles: tuple[Title, ...]
    artworks: tuple[Artwork, ...]


def put_title(connection: Connection, title: Title, *, now: datetime) -> None:
    """Add a title, or replace its description."""
    revision = next_revision(connection, Revision.CATALOG)
    row = {name: getattr(title, name) for name in _TITLE_FIELDS}
    row.update(genres=list(title.genres), cast=list(title.cast), revision=revision, updated_at=now)
    upsert(connection, titles, [row])


def find_title(connection: Connection, title: TitleId) -> Title:
    """Return a title.

    Raises:
        UnknownTitle: there is none of this id.
    """
    row = connection.execute(select(titles).where(titles.c.title == title)).mappings().one_or_none()
    if row is None:
        raise UnknownTitle(f"There is no title {title!r}.", "Put it first: PUT /v1/titles/{title}.")
    return _title(row)


def list_titles(connection: Connection, *, after: TitleId | None = None, limit: int | None = None) -> list[Title]:
    """Return titles ordered by id, those behind `after`, at most `limit`."""
    listed = select(titles).order_by(titles.c.title).limit(limit)
    if after is not None:
        listed = listed.where(titles.c.title > after)
    return [_title(row) for row in connection.execute(listed).mappings()]


def put_artwork(connection: Connection, artwork: Artwork, *, now: datetime) -> Artwork:
    """Add an artwork, or replace its description, and return it as it is then; images, state and reason stay.

    `default=True` takes the mark from the title's other artworks; `default=False` leaves the mark where it is.

    Raises:
        UnknownTitle: the title does not exist.
        Conflict: it is paused or retired and shall be the default.
    """
    revision = next_revision(connection, Revision.CATALOG)
    known = find_or_new(connection, artwork.title, artwork.artwork)
    if artwork.default and known.state in _WITHHELD:
        raise Conflict(f"The artwork {artwork.artwork!r} is {known.state}.", "Resume it first: the default is shown.")
    described = replace(
        artwork,
        default=artwork.default or known.default,
        image=known.image,
        pending=known.pending,
        state=known.state,
        reason=known.reason,
    )
    if artwork.default and not known.default:
        _unmark_default(connection, artwork.title, revision)
    write_artwork(connection, described, revision=revision, now=now)
    return described


def find_artwork(connection: Connection, title: TitleId, artwork: ArtworkId) -> Artwork:
    """Return an artwork.

    Raises:
        UnknownTitle: the title does not exist.
        UnknownArtwork: the title has none of this id.
    """
    found = _find(connection, title, artwork)
    if found is None:
        find_title(connection, title)
        raise UnknownArtwork(f"The title {title!r} has no artwork {artwork!r}.", "List them: GET …/artworks.")
    return found


def find_or_new(connection: Connection, title: TitleId, artwork: ArtworkId) -> Artwork:
    """Return an artwork as it is, or as it would begin: without image, processing.

    Raises:
        UnknownTitle: the title does not exist.
    """
    found = _find(connection, title, artwork)
    if found is None:
        find_title(connection, title)
        return Artwork(title=title, artwork=artwork)
    return found


def list_artworks(
    connection: Connection, title: TitleId, *, after: ArtworkId | None = None, limit: int | None = None
) -> list[Artwork]:
    """Return the artworks of a title, ordered by id, those behind `after`, at most `limit`.

    Raises:
        UnknownTitle: the title does not exist.
    """
    listed = select(artworks).where(artworks.c.title == title).order_by(artworks.c.artwork).limit(limit)
    if after is not None:
        listed = listed.where(artworks.c.artwork > after)
    found = [_artwork(row) for row in connection.execute(listed).mappings()]
    if not found:
        find_title(connection, title)
    return found


def has_default(connection: Connection, title: TitleId) -> bool:
    """Tell whether an artwork of the title is marked as its default."""
    marked = select(artworks.c.artwork).where(artworks.c.title == title, artworks.c.is_default)
    return connection.execute(marked).first() is not None


def write_artwork(connection: Connection, artwork: Artwork, *, revision: int, now: datetime) -> None:
    """Write an artwork as it is; `revision` comes from the `next_revision` that this transaction began with."""
    row: dict[str, Any] = {name: getattr(artwork, name) for name in _ARTWORK_FIELDS}
    row.update(is_default=artwork.default, locales=list(artwork.locales), pending_image=artwork.pending)
    row.update(devices=list(artwork.devices), revision=revision, updated_at=now)
    upsert(connection, artworks, [row])


def changed_since(connection: Connection, revision: int) -> CatalogChanges:
    """Return what changed after `revision`; 0 gives the whole catalogue.

    What is committed while this reads may be in the answer already, and comes again with the next one.
    """
    reached = current_revision(connection, Revision.CATALOG)
    if reached == revision:
        return CatalogChanges(revision=reached, titles=(), artworks=())
    changed_titles = connection.execute(select(titles).where(titles.c.revision > revision)).mappings()
    changed_artworks = (
        select(*_ARTWORK_COLUMNS).where(artworks.c.revision > revision).execution_options(yield_per=ROWS_AT_ONCE)
    )
    return CatalogChanges(
        revision=reached,
        titles=tuple(_title(row) for row in changed_titles),
        artworks=tuple(_read_artwork(row) for row in connection.execute(changed_artworks)),
    )


def count_titles(connection: Connection) -> int:
    """Count the titles."""
    return connection.scalar(select(func.count()).select_from(titles)) or 0


def count_artworks(connection: Connection) -> dict[ArtworkState, int]:
    """Count the artworks in every state."""
    counted = select(artworks.c.state, func.count()).group_by(artworks.c.state)
    found = {ArtworkState(state): count for state, count in connection.execute(counted)}
    return {state: found.get(state, 0) for state in ArtworkState}


_WITHHELD = (ArtworkState.PAUSED, ArtworkState.RETIRED)
_TITLE_FIELDS = ("title", "name", "kind", "year", "language", "runtime_seconds", "maturity")
_ARTWORK_FIELDS = ("title", "artwork", "label", "maturity", "spoiler", "image", "state", "reason")
_ARTWORK_COLUMNS = (
    *(artworks.c[name] for name in _ARTWORK_FIELDS),
    *(artworks.c[name] for name in ("pending_image", "is_default")),
    *(type_coerce(artworks.c[name], Text) for name in ("locales", "devices")),
)
"""What `_read_artwork` reads, in its order."""


def _unmark_default(connection: Connection, title: TitleId, revision: int) -> None:
    marked = (artworks.c.title == title, artworks.c.is_default)
    connection.execute(update(artworks).where(*marked).values(is_default=False, revision=revision))


def _find(connection: Connection, title: TitleId, artwork: ArtworkId) -> Artwork | None:
    one = select(artworks).where(artworks.c.title == title, artworks.c.artwork == artwork)
    row = connection.execute(one).mappings().one_or_none()
    return None if row is None else _artwork(row)


def _title(row: RowMapping) -> Title:
    return Title(
        title=TitleId(row["title"]),
        name=row["name"],
        kind=TitleKind(row["kind"]),
        genres=tuple(row["genres"]),
        year=row["year"],
        language=row["language"],
        runtime_seconds=row["runtime_seconds"],
        cast=tuple(row["cast"]),
        maturity=row["maturity"],
    )


def _artwork(row: RowMapping) -> Artwork:
    return Artwork(
        title=TitleId(row["title"]),
        artwork=ArtworkId(row["artwork"]),
        label=row["label"],
        default=row["is_default"],
        locales=tuple(row["locales"]),
        maturity=row["maturity"],
        spoiler=row["spoiler"],
        devices=tuple(row["devices"] or ()),
        image=None if row["image"] is None else ImageHash(row["image"]),
        pending=None if row["pending_image"] is None else ImageHash(row["pending_image"]),
        state=ArtworkState(row["state"]),
        reason=row["reason"],
    )


def _read_artwork(row: Any) -> Artwork:
    """Read one of very many: by place, and with words that recur held once."""
    title, artwork, label, maturity, spoiler, image, state, reason, pending, default, locales, devices = row
    return Artwork(
        title=TitleId(intern(title)),
        artwork=ArtworkId(intern(artwork)),
        label=label,
        default=default,
        locales=_words(locales),
        maturity=maturity,
        spoiler=spoiler,
        devices=_words(devices),
        image=image,
        pending=pending,
        state=ArtworkState(state),
        reason=reason,
    )


def _words(stored: Any) -> tuple[str, ...]:
    """SQLite gives the text of a JSON column, PostgreSQL's driver what it means."""
    return _decoded(stored) if isinstance(stored, str) else tuple(stored or ())


@lru_cache(maxsize=4096)
def _decoded(stored: str) -> tuple[str, ...]:
    return tuple(json.loads(stored) or ())
