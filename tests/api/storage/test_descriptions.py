"""Descriptions are kept per image and embedding version, on both databases, and pages are told of new ones."""

from datetime import datetime

import numpy as np
import pytest
from sqlalchemy import Engine

from api.storage import descriptions
from api.storage.catalog import changed_since, put_title
from api.storage.database import transaction
from api.storage.descriptions import all_pictures, images_to_describe, pictures_changed_since, put_descriptions
from api.storage.images import Image, attach_image
from api.storage.vectors import EmbeddingVersion, add_embedding_version, put_vector
from artwork.catalog import ArtworkId, ImageHash, Title, TitleId
from artwork.description import Description

LITE = EmbeddingVersion(version="lite-1", dimension=3, domain="rendered")
OTHER = EmbeddingVersion(version="other-1", dimension=3, domain="photographs")
DARK = Description(labels={"light": "dark", "people": "2"}, measures={"brightness": -0.75})
BRIGHT = Description(labels={"light": "bright"}, measures={"brightness": 0.5, "warmth": 0.25})
IMAGES = [ImageHash(name * 64) for name in "abc"]


@pytest.fixture
def embedded(engine: Engine, now: datetime) -> Engine:
    """Three artworks whose images have vectors in one version, and the first in another too."""
    with transaction(engine) as connection:
        put_title(connection, Title(title=TitleId("heat"), name="Heat"), now=now)
        for version in (LITE, OTHER):
            add_embedding_version(connection, version, now=now)
        for image in IMAGES:
            stored = Image(sha256=image, format="png", width=9, height=9, bytes=9, perceptual_hash="0" * 16)
            attach_image(connection, TitleId("heat"), ArtworkId(image[0]), image=stored, now=now)
            put_vector(connection, image, version=LITE.version, vector=np.ones(3, dtype=np.float32))
        put_vector(connection, IMAGES[0], version=OTHER.version, vector=np.zeros(3, dtype=np.float32))
    return engine


def test_pictures_come_back_as_they_were_described_and_bare_where_nobody_did(embedded: Engine) -> None:
    first, second, third = IMAGES
    with transaction(embedded) as connection:
        put_descriptions(connection, {first: DARK, second: BRIGHT}, version=LITE.version)
        found = all_pictures(connection, LITE.version)
        assert [found[image].labels for image in IMAGES] == [DARK.labels, BRIGHT.labels, {}]
        assert [found[image].measures for image in IMAGES] == [DARK.measures, BRIGHT.measures, {}]
        every = pictures_changed_since(connection, 0, version=LITE.version)
        assert every.keys() == {first, second, third}
        assert [every[image].labels for image in IMAGES] == [DARK.labels, BRIGHT.labels, {}]
        assert [every[image].measures for image in IMAGES] == [DARK.measures, BRIGHT.measures, {}]
        assert every[first].vector.tolist() == [1, 1, 1]
        reached = changed_since(connection, 0).revision
        assert pictures_changed_since(connection, reached, version=LITE.version) == {}
        put_descriptions(connection, {second: BRIGHT}, version=LITE.version)
        assert pictures_changed_since(connection, reached, version=LITE.version).keys() == {second}
        assert pictures_changed_since(connection, 0, version="") == {}
        put_descriptions(connection, {first: BRIGHT}, version=LITE.version)
        assert all_pictures(connection, LITE.version)[first].labels == BRIGHT.labels


def test_c12_a_description_belongs_to_its_embedding_version(embedded: Engine) -> None:
    first = IMAGES[0]
    with transaction(embedded) as connection:
        put_descriptions(connection, {first: DARK}, version=LITE.version)
        [other] = all_pictures(connection, OTHER.version).values()
        assert (other.labels, other.vector.tolist()) == ({}, [0, 0, 0])
        assert images_to_describe(connection, OTHER.version, limit=9) == [first]
        assert images_to_describe(connection, LITE.version, limit=9) == IMAGES[1:]
        assert images_to_describe(connection, LITE.version, limit=1) == IMAGES[1:2]


def test_another_revision_asks_for_all_again(embedded: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction(embedded) as connection:
        put_descriptions(connection, dict.fromkeys(IMAGES, DARK), version=LITE.version)
        assert images_to_describe(connection, LITE.version, limit=9) == []
        monkeypatch.setattr(descriptions, "REVISION", descriptions.REVISION + 1)
        assert images_to_describe(connection, LITE.version, limit=9) == IMAGES


def test_the_catalogue_tells_of_newly_described_artworks_alone(embedded: Engine) -> None:
    with transaction(embedded) as connection:
        before = changed_since(connection, 0).revision
        put_descriptions(connection, {IMAGES[1]: DARK}, version=LITE.version)
        news = changed_since(connection, before)
    assert [each.artwork for each in news.artworks] == ["b"]
