"""How images look, in words and numbers, per embedding version. Knows no model and no pixels."""

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement, Connection, Text, and_, select, true, type_coerce, update

from api.storage.columns import ROWS_AT_ONCE, chunks, to_vector, upsert
from api.storage.revisions import Revision, next_revision
from api.storage.tables import artwork_descriptions, artwork_vectors, artworks
from api.storage.vectors import all_vectors
from artwork.catalog import ImageHash
from artwork.description import REVISION, Description
from bandit.context import Picture, Vector


def put_descriptions(connection: Connection, described: Mapping[ImageHash, Description], *, version: str) -> None:
    """Keep how images look, in the place of what was kept of them, and let pages see it.

    Put their vectors in `version` before.
    """
    rows = [
        {
            "image": image,
            "embedding_version": version,
            "revision": REVISION,
            "labels": dict(each.labels),
            "measures": dict(each.measures),
        }
        for image, each in described.items()
    ]
    revision = next_revision(connection, Revision.CATALOG)
    upsert(connection, artwork_descriptions, rows)
    for chunk in chunks(described):
        connection.execute(update(artworks).where(artworks.c.image.in_(chunk)).values(revision=revision))


def pictures_changed_since(connection: Connection, revision: int, *, version: str) -> dict[ImageHash, Picture]:
    """Return the images of artworks that changed after `revision`, those that have a vector in `version`.

    One statement, read in parts: at the start of a server these are all images, and each is held once.
    """
    described = and_(
        artwork_descriptions.c.image == artwork_vectors.c.image,
        artwork_descriptions.c.embedding_version == artwork_vectors.c.embedding_version,
    )
    texts = [type_coerce(artwork_descriptions.c[name], Text) for name in ("labels", "measures")]
    changed = (
        select(artwork_vectors.c.image, artwork_vectors.c.vector, *texts)
        .select_from(artworks.join(artwork_vectors, artwork_vectors.c.image == artworks.c.image))
        .outerjoin(artwork_descriptions, described)
        .where(artworks.c.revision > revision, artwork_vectors.c.embedding_version == version)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    rows = cast(Iterable[Any], connection.execute(changed))
    return {
        ImageHash(image): Picture(vector=to_vector(vector), labels=_words(labels), measures=_decoded(measures))
        for image, vector, labels, measures in rows
    }


def all_pictures(connection: Connection, version: str) -> dict[ImageHash, Picture]:
    """Return all images that have a vector in `version`, those of artworks that have since been replaced included."""
    return _pictures(all_vectors(connection, version), _described(connection, version, true()))


def images_to_describe(connection: Connection, version: str, *, limit: int) -> list[ImageHash]:
    """Return images that have a vector in `version` and were not described in it, or only in an older revision."""
    described = and_(
        artwork_descriptions.c.image == artwork_vectors.c.image,
        artwork_descriptions.c.embedding_version == artwork_vectors.c.embedding_version,
        artwork_descriptions.c.revision == REVISION,
    )
    missing = (
        select(artwork_vectors.c.image)
        .select_from(artwork_vectors.outerjoin(artwork_descriptions, described))
        .where(artwork_vectors.c.embedding_version == version, artwork_descriptions.c.image.is_(None))
        .order_by(artwork_vectors.c.image)
        .limit(limit)
    )
    return [ImageHash(image) for image in connection.scalars(missing)]


def _decoded(stored: Any) -> dict[str, Any]:
    """SQLite gives the text of a JSON column, PostgreSQL's driver what it means."""
    found: dict[str, Any] = msgspec.json.decode(stored) if isinstance(stored, str) else stored
    return found or {}


def _words(stored: Any) -> dict[str, str]:
    """Labels come from a closed list: each word is held once, not once an image."""
    return {intern(name): intern(value) for name, value in _decoded(stored).items()}


def _described(connection: Connection, version: str, which: ColumnElement[bool]) -> dict[ImageHash, Description]:
    rows = connection.execute(
        select(artwork_descriptions).where(artwork_descriptions.c.embedding_version == version, which)
    ).mappings()
    return {ImageHash(row["image"]): Description(labels=row["labels"], measures=row["measures"]) for row in rows}


def _pictures(
    vectors: Mapping[ImageHash, Vector], described: Mapping[ImageHash, Description]
) -> dict[ImageHash, Picture]:
    looks = {image: described.get(image, Description()) for image in vectors}
    return {
        image: Picture(vector=vector, labels=looks[image].labels, measures=looks[image].measures)
        for image, vector in vectors.items()
    }
