"""Embedding versions and the vectors of images in them. Knows no model; never mixes versions (C12)."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, select, union, update

from api.errors import Conflict, UnknownVersion
from api.storage.columns import chunks, insert_missing, to_bytes, to_vector, upsert
from api.storage.revisions import Revision, next_revision
from api.storage.tables import artwork_vectors, artworks, embedding_versions
from artwork.catalog import ArtworkState, Domain, ImageHash
from bandit.context import Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingVersion:
    """A model's fingerprint, the dimension of its vectors, and the pictures that its labels can be trusted on."""

    version: str
    dimension: int
    domain: Domain


def add_embedding_version(connection: Connection, version: EmbeddingVersion, *, now: datetime) -> None:
    """Add a version if it is not known, and note that it is wanted; the first of an installation is live at once."""
    live = live_embedding_version(connection) is None
    row = {**asdict(version), "live": live, "created_at": now, "wanted_at": now}
    insert_missing(connection, embedding_versions, [row])
    known = embedding_versions.c.version == version.version
    connection.execute(update(embedding_versions).where(known).values(wanted_at=now))
    if live:
        next_revision(connection, Revision.CATALOG)


def live_embedding_version(connection: Connection) -> EmbeddingVersion | None:
    """Return the version whose vectors pages are decided with; None until a worker has embedded anything."""
    row = connection.execute(select(embedding_versions).where(embedding_versions.c.live)).mappings().one_or_none()
    return None if row is None else _version(row)


def wanted_embedding_version(connection: Connection) -> str | None:
    """Return the version that was wanted last: the one that may become live, and that images are embedded in."""
    wanted = select(embedding_versions.c.version).order_by(
        embedding_versions.c.wanted_at.desc(), embedding_versions.c.version
    )
    return connection.scalar(wanted.limit(1))


def set_live_embedding_version(connection: Connection, version: str) -> None:
    """Let pages be decided with the vectors of `version`; embed the images in it before.

    Raises:
        UnknownVersion: it was never added.
    """
    next_revision(connection, Revision.CATALOG)
    find_embedding_version(connection, version)
    connection.execute(update(embedding_versions).where(embedding_versions.c.live).values(live=False))
    connection.execute(update(embedding_versions).where(embedding_versions.c.version == version).values(live=True))


def find_embedding_version(connection: Connection, version: str) -> EmbeddingVersion:
    """Return a version.

    Raises:
        UnknownVersion: it was never added.
    """
    one = select(embedding_versions).where(embedding_versions.c.version == version)
    row = connection.execute(one).mappings().one_or_none()
    if row is None:
        raise UnknownVersion(f"There is no embedding version {version!r}.", "A worker adds it when it starts.")
    return _version(row)


def put_vector(connection: Connection, image: ImageHash, *, version: str, vector: Vector) -> None:
    """Keep the vector of an image, shape (dimension,), finite.

    Raises:
        UnknownVersion: the version was never added.
        Conflict: the vector has another dimension than the version.
    """
    known = find_embedding_version(connection, version)
    if vector.shape != (known.dimension,):
        raise Conflict(f"{version} has vectors of {known.dimension} numbers, not {vector.shape}.", "Add a new version.")
    row = {"image": image, "embedding_version": version, "vector": to_bytes(vector)}
    upsert(connection, artwork_vectors, [row])


def vectors_of(connection: Connection, images: Iterable[ImageHash], *, version: str) -> dict[ImageHash, Vector]:
    """Return the vectors of those `images` that have one in `version`, float32, shape (d,), read-only."""
    found: dict[ImageHash, Vector] = {}
    for chunk in chunks(images):
        wanted = and_(artwork_vectors.c.embedding_version == version, artwork_vectors.c.image.in_(chunk))
        rows = connection.execute(select(artwork_vectors.c.image, artwork_vectors.c.vector).where(wanted))
        found.update({ImageHash(image): to_vector(vector) for image, vector in rows})
    return found


def all_vectors(connection: Connection, version: str) -> dict[ImageHash, Vector]:
    """Return the vectors of all images in `version`, those of artworks that have since been replaced included."""
    every = select(artwork_vectors.c.image, artwork_vectors.c.vector)
    kept = every.where(artwork_vectors.c.embedding_version == version)
    return {ImageHash(image): to_vector(vector) for image, vector in connection.execute(kept)}


def images_without_vector(connection: Connection, version: str, *, limit: int = 10_000) -> list[ImageHash]:
    """Return images of artworks, pending ones too, the rejected left out, that have no vector in `version`."""
    shown = select(artworks.c.image).where(artworks.c.image.is_not(None), artworks.c.state != ArtworkState.REJECTED)
    pending = select(artworks.c.pending_image).where(artworks.c.pending_image.is_not(None))
    used = union(shown, pending).subquery()
    made = and_(artwork_vectors.c.image == used.c.image, artwork_vectors.c.embedding_version == version)
    missing = (
        select(used.c.image)
        .select_from(used.outerjoin(artwork_vectors, made))
        .where(artwork_vectors.c.image.is_(None))
        .order_by(used.c.image)
        .limit(limit)
    )
    return [ImageHash(image) for image in connection.scalars(missing)]


def _version(row: RowMapping) -> EmbeddingVersion:
    return EmbeddingVersion(version=row["version"], dimension=row["dimension"], domain=row["domain"])
