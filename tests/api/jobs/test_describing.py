"""Images are described while they are embedded, or afterwards; pages and learning see them as described."""

from typing import cast

import pytest
from sqlalchemy import delete

from api.jobs import describing
from api.jobs.describing import describe_missing
from api.jobs.learning import pictures_in
from api.storage import descriptions
from api.storage.database import reading, transaction
from api.storage.descriptions import all_pictures
from api.storage.tables import artwork_descriptions
from artwork.catalog import TitleId
from artwork.description import LABELS, Measure
from artwork.embedding import Embedder
from artwork.labels import Labeller
from bandit.context import Picture
from tests.api.installation import EMBEDDING, Installation
from tests.api.jobs.test_embedding import FakeEmbedder, change_version, embed, upload


def labeller() -> Labeller:
    return Labeller(cast(Embedder, FakeEmbedder()), least_score=0.0)


def describe(installation: Installation) -> int:
    return describe_missing(installation.engine, installation.blobs, labeller(), version=EMBEDDING.version)


def stored(installation: Installation) -> list[Picture]:
    with reading(installation.engine) as connection:
        return [*all_pictures(connection, EMBEDDING.version).values()]


def test_an_embedded_image_is_described_before_it_is_shown(installation: Installation) -> None:
    upload(installation, 3)
    embed(installation, FakeEmbedder())
    pictures = stored(installation)
    assert [each.measures.keys() for each in pictures] == [{*map(str, Measure)}] * 3
    assert len({each.measures["brightness"] for each in pictures}) == 3
    assert all(value in LABELS[name] for each in pictures for name, value in each.labels.items())
    installation.services.refresh()
    shown = installation.services.catalogue.current.titles[TitleId("harbor")].candidates.values()
    assert [each.measures for each in shown] == [
        pictures_in(installation.engine, EMBEDDING.version)[each.image[:16]].measures for each in shown
    ]
    assert describe(installation) == 0


def test_images_that_were_embedded_before_are_described_afterwards_and_pages_notice(
    ready: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ready` holds vectors without descriptions, as a database of an older Keyart does."""
    monkeypatch.setattr(describing, "IMAGES_AT_ONCE", 2)
    before = ready.services.catalogue.current.titles[TitleId("harbor")].candidates
    assert not any(each.labels or each.measures for each in before.values())
    described = [describe(ready) for _ in range(4)]
    assert sum(described) == len(stored(ready))
    assert described[-1] == 0 or describe(ready) == 0
    ready.services.refresh()
    after = ready.services.catalogue.current.titles[TitleId("harbor")].candidates
    assert all(each.labels and each.measures for each in after.values())


def test_images_are_described_again_in_another_revision(ready: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    while describe(ready):
        pass
    monkeypatch.setattr(descriptions, "REVISION", 2)
    assert describe(ready) > 0


def test_an_image_whose_file_is_gone_has_labels_only_and_is_not_tried_for_ever(ready: Installation) -> None:
    candidate = next(iter(ready.services.catalogue.current.titles[TitleId("harbor")].candidates.values()))
    (ready.home / "images" / candidate.image[:2] / f"{candidate.image}.png").unlink()
    while describe(ready):
        pass
    with reading(ready.engine) as connection:
        picture = all_pictures(connection, EMBEDDING.version)[candidate.image]
    assert (len(picture.labels) > 0, picture.measures) == (True, {})


def test_a_version_that_is_no_longer_wanted_is_not_described(ready: Installation) -> None:
    with transaction(ready.engine) as connection:
        connection.execute(delete(artwork_descriptions))
    change_version(ready, FakeEmbedder("other-000000000002", 12))
    assert describe(ready) == 0
