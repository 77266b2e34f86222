"""How images look, in words and numbers, per embedding version. Knows no model and no pixels."""

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, and_, select, true, update

from api.storage.columns import chunks, upsert
from api.storage.revisions import Revision, next_revision
from api.storage.tables import artwork_descriptions, artwork_vectors, artworks
from api.storage.vectors import all_vectors, vectors_of
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


def pictures_of(connection: Connection, images: Iterable[ImageHash], *, version: str) -> dict[ImageHash, Picture]:
    """Return those of `images` that have a vector in `version`; without a description where nobody made one yet."""
    described: dict[ImageHash, Description] = {}
    for chunk in chunks(vectors := vectors_of(connection, images, version=version)):
        described |= _described(connection, version, artwork_descriptions.c.image.in_(chunk))
    return _pictures(vectors, described)


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
