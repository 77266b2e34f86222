"""Says how images look, while they are embedded and for those that were embedded before. Opens no model."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from api.errors import DamagedFile, MissingFile
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.descriptions import images_to_describe, put_descriptions
from api.storage.images import find_image
from api.storage.vectors import vectors_of, wanted_embedding_version
from artwork.catalog import ImageHash
from artwork.composition import UnreadableImage, measure
from artwork.description import Description
from artwork.labels import Labeller

logger = logging.getLogger(__name__)

IMAGES_AT_ONCE = 64


def descriptions(labeller: Labeller, vectors: NDArray[np.float32], images: Sequence[bytes | None]) -> list[Description]:
    """Describe n images by their vectors (n, d) and their bytes; without bytes there are labels only.

    Raises:
        UnreadableImage: bytes are no image.
    """
    return [
        Description(
            labels={label.attribute.value: label.value for label in labels},
            measures={} if image is None else {name.value: value for name, value in measure(image).items()},
        )
        for labels, image in zip(labeller.label(vectors), images, strict=True)
    ]


def describe_missing(engine: Engine, blobs: BlobStore, labeller: Labeller, *, version: str) -> int:
    """Describe images that were embedded in `version` before anyone described them; return how many, 0 when none is.

    Nothing is done for a version that is no longer wanted.
    """
    with reading(engine) as connection:
        if wanted_embedding_version(connection) != version:
            return 0
        images = images_to_describe(connection, version, limit=IMAGES_AT_ONCE)
        vectors = vectors_of(connection, images, version=version)
    if images:
        stacked = np.stack([vectors[image] for image in images])
        found = descriptions(labeller, stacked, [_measurable(engine, blobs, image) for image in images])
        with transaction(engine) as connection:
            put_descriptions(connection, dict(zip(images, found, strict=True)), version=version)
    return len(images)


def _measurable(engine: Engine, blobs: BlobStore, image: ImageHash) -> bytes | None:
    """The bytes of an image, or None where they are gone or damaged: it was embedded, so its labels can be told."""
    try:
        with reading(engine) as connection:
            data = blobs.get_image(image, find_image(connection, image).format)
        measure(data)
    except (DamagedFile, MissingFile, UnreadableImage) as error:
        logger.warning("image %s cannot be measured: %s", image, error)
        return None
    return data
