"""Versions of the foundation model and the vectors made with them. Knows no model; never mixes versions (C12)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from api.errors import Conflict, UnknownVersion
from api.storage.columns import chunks, to_bytes, to_vector, upsert
from api.storage.tables import foundation_versions, title_vectors, viewer_vectors
from bandit.context import Vector
from foundation.events import ViewerId


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundationVersion:
    """A trained foundation model: where its bytes are (`digest`), how it was trained, and how well it foretells."""

    version: str
    digest: str
    config: Mapping[str, Any]
    metrics: Mapping[str, float]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerVector:
    """A viewer's vector, shape (d,), made of so many `events` (the count that `events.stale_viewers` gave)."""

    viewer: ViewerId
    vector: Vector
    events: int


def add_foundation_version(connection: Connection, version: FoundationVersion) -> None:
    """Add a version; the same one again changes nothing.

    Raises:
        Conflict: another model has this name.
    """
    known = connection.execute(_one(version.version)).mappings().one_or_none()
    if known is None:
        row = {**asdict(version), "live": False}
        connection.execute(foundation_versions.insert(), row)
    elif known["digest"] != version.digest:
        raise Conflict(f"{version.version} is another model already.", "Name a version by the digest of its bytes.")


def set_live_foundation_version(connection: Connection, version: str) -> None:
    """Let pages be decided with the viewer vectors of `version`; put them before.

    Raises:
        UnknownVersion: it was never added.
    """
    find_foundation_version(connection, version)
    connection.execute(update(foundation_versions).where(foundation_versions.c.live).values(live=False))
    connection.execute(update(foundation_versions).where(foundation_versions.c.version == version).values(live=True))


def live_foundation_version(connection: Connection) -> FoundationVersion | None:
    """Return the version whose viewer vectors pages are decided with; None before the first training."""
    row = connection.execute(select(foundation_versions).where(foundation_versions.c.live)).mappings().one_or_none()
    return None if row is None else _version(row)


def find_foundation_version(connection: Connection, version: str) -> FoundationVersion:
    """Return a version.

    Raises:
        UnknownVersion: it was never added.
    """
    row = connection.execute(_one(version)).mappings().one_or_none()
    if row is None:
        raise UnknownVersion(f"There is no foundation version {version!r}.", "Train one: `keyart foundation train`.")
    return _version(row)


def put_viewer_vectors(connection: Connection, version: str, vectors: Iterable[ViewerVector], *, now: datetime) -> None:
    """Keep the vectors of viewers in `version`, over older ones of the same version."""
    rows = (
        {
            "viewer": each.viewer,
            "foundation_version": version,
            "vector": to_bytes(each.vector),
            "events": each.events,
            "updated_at": now,
        }
        for each in vectors
    )
    upsert(connection, viewer_vectors, rows)


def viewer_vector(connection: Connection, viewer: ViewerId, *, version: str) -> Vector | None:
    """Return a viewer's vector, float32, shape (d,), read-only; None for a viewer without history."""
    return vectors_of_viewers(connection, [viewer], version=version).get(viewer)


def vectors_of_viewers(connection: Connection, asked: Iterable[ViewerId], *, version: str) -> dict[ViewerId, Vector]:
    """Return the vectors, float32, shape (d,), of those viewers who have one."""
    found: dict[ViewerId, Vector] = {}
    for chunk in chunks(asked):
        rows = connection.exec_driver_sql(*_of_viewers(connection, chunk, version))
        found.update({ViewerId(viewer): to_vector(bytes(vector)) for viewer, vector in rows})
    return found


def _of_viewers(connection: Connection, viewers: list[ViewerId], version: str) -> tuple[str, tuple[Any, ...]]:
    """The statement in the driver's own words: it is on the path of every page."""
    asked = "SELECT viewer, vector FROM viewer_vectors WHERE foundation_version = "
    if connection.dialect.name == "postgresql":
        return f"{asked}%s AND viewer = ANY(%s)", (version, viewers)
    return f"{asked}? AND viewer IN ({', '.join('?' * len(viewers))})", (version, *viewers)


def some_viewer_vectors(connection: Connection, version: str, *, limit: int) -> dict[ViewerId, Vector]:
    """Return the vectors of at most `limit` viewers, in the order of their pseudonyms: as good as drawn by chance."""
    some = (
        select(viewer_vectors.c.viewer, viewer_vectors.c.vector)
        .where(viewer_vectors.c.foundation_version == version)
        .order_by(viewer_vectors.c.viewer)
        .limit(limit)
    )
    return {ViewerId(viewer): to_vector(vector) for viewer, vector in connection.execute(some)}


def put_title_vectors(connection: Connection, version: str, vectors: Mapping[str, Vector]) -> None:
    """Keep the vectors of titles in `version`."""
    rows = (
        {"foundation_version": version, "title": title, "vector": to_bytes(vector)}
        for title, vector in sorted(vectors.items())
    )
    upsert(connection, title_vectors, rows)


def _one(version: str) -> Any:
    return select(foundation_versions).where(foundation_versions.c.version == version)


def _version(row: RowMapping) -> FoundationVersion:
    return FoundationVersion(
        version=row["version"],
        digest=row["digest"],
        config=row["config"],
        metrics=row["metrics"],
        created_at=row["created_at"],
    )
