"""Uploaded images are embedded in batches; a bad one is rejected alone; a new embedding version takes over whole."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest

from api.dependencies.promotion import Order, promote
from api.jobs import embedding
from api.jobs.embedding import IMAGES_AT_ONCE, LEASE, complete_version, embed_images
from api.storage.audit_log import list_entries
from api.storage.catalog import find_artwork, put_artwork, put_title
from api.storage.database import reading, transaction
from api.storage.images import attach_image
from api.storage.jobs import JobKind, JobState, claim, count_jobs, count_unfinished
from api.storage.policies import list_deployments
from api.storage.stages import Stage
from api.storage.tables import jobs
from api.storage.vectors import (
    EmbeddingVersion,
    add_embedding_version,
    live_embedding_version,
    vectors_of,
)
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from artwork.embedding import Embedder, UndecodableImage
from artwork.labels import Labeller
from tests.api.installation import EMBEDDING, Installation, store_picture, unit_vector
from tests.api.learned import Learned
from tests.api.pictures import picture


class FakeEmbedder:
    """Embeds by a hash of the bytes, keeps the sizes of its batches, and fails on what it is told to."""

    domain = "rendered"
    logit_scale = 50.0

    def __init__(self, version: str = EMBEDDING.version, dimension: int = EMBEDDING.dimension) -> None:
        self.version = version
        self.dimension = dimension
        self.batches: list[int] = []
        self.fails: dict[bytes, Exception] = {}

    def embed_images(self, images: Sequence[bytes]) -> Any:
        self.batches.append(len(images))
        for image in images:
            if image in self.fails:
                raise self.fails[image]
        return np.stack([unit_vector(image.hex()[-40:], self.dimension) for image in images])

    def embed_texts(self, texts: Sequence[str]) -> Any:
        return np.stack([unit_vector(text, self.dimension) for text in texts])


def embed_some(installation: Installation, embedder: FakeEmbedder) -> int:
    """Embed one batch."""
    model = cast(Embedder, embedder)
    return embed_images(installation.engine, installation.blobs, model, labeller=Labeller(model), owner="test")


def embed(installation: Installation, embedder: FakeEmbedder) -> int:
    """Embed until nothing waits, as the worker does, and return how many jobs ended."""
    ended, engine, model = 0, installation.engine, cast(Embedder, embedder)
    while (count := embed_some(installation, embedder)) or complete_version(engine, model):
        ended += count
    return ended


def upload(installation: Installation, count: int, *, title: str = "harbor") -> list[ImageHash]:
    """Attach so many pictures without embedding them."""
    images = [store_picture(installation.blobs, picture(1000 + number)) for number in range(count)]
    now = datetime.now(UTC)
    with transaction(installation.engine) as connection:
        add_embedding_version(connection, EMBEDDING, now=now)
        put_title(connection, Title(title=TitleId(title), name=title), now=now)
        for number, image in enumerate(images):
            artwork = Artwork(title=TitleId(title), artwork=ArtworkId(f"p{number:02d}"))
            put_artwork(connection, artwork, now=now)
            attach_image(connection, artwork.title, artwork.artwork, image=image, now=now)
    return [image.sha256 for image in images]


def state(installation: Installation, number: int) -> Artwork:
    with reading(installation.engine) as connection:
        return find_artwork(connection, TitleId("harbor"), ArtworkId(f"p{number:02d}"))


def job_states(installation: Installation) -> dict[JobState, int]:
    with reading(installation.engine) as connection:
        return {found: count for (_, found), count in count_jobs(connection).items()}


def test_images_are_embedded_in_batches_and_become_active(installation: Installation) -> None:
    images = upload(installation, IMAGES_AT_ONCE + 3)
    embedder = FakeEmbedder()
    assert embed(installation, embedder) == IMAGES_AT_ONCE + 3
    assert embedder.batches == [IMAGES_AT_ONCE, 3]
    assert {state(installation, number).state for number in range(len(images))} == {ArtworkState.ACTIVE}
    with reading(installation.engine) as connection:
        vectors = vectors_of(connection, images, version=EMBEDDING.version)
    assert vectors.keys() == set(images)
    assert embed(installation, embedder) == 0
    installation.services.refresh()
    assert installation.select()["slots"][0]["probability"] == pytest.approx(1 / (IMAGES_AT_ONCE + 3))


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_an_image_whose_file_is_damaged_is_rejected_alone_with_the_reason(
    installation: Installation, damage: str
) -> None:
    images = upload(installation, 3)
    file = installation.home / "images" / images[1][:2] / f"{images[1]}.png"
    if damage == "change":
        file.write_bytes(b"something else")
    else:
        file.unlink()
    embed(installation, FakeEmbedder())
    found = [state(installation, number) for number in range(3)]
    assert [each.state.value for each in found] == ["active", "rejected", "active"]
    assert "Upload the picture again" in (found[1].reason or "")
    assert job_states(installation) == {JobState.DONE: 2, JobState.FAILED: 1}


def test_an_image_that_no_model_can_read_is_rejected_and_the_others_of_its_batch_are_not(
    installation: Installation,
) -> None:
    upload(installation, 3)
    embedder = FakeEmbedder()
    embedder.fails[picture(1001)] = UndecodableImage("no picture")
    embed(installation, embedder)
    assert [state(installation, number).state.value for number in range(3)] == ["active", "rejected", "active"]
    assert "Upload another picture" in (state(installation, 1).reason or "")


def test_a_passing_trouble_is_tried_again_later(installation: Installation) -> None:
    upload(installation, 2)
    embedder = FakeEmbedder()
    embedder.fails[picture(1000)] = RuntimeError("out of memory")
    embed(installation, embedder)
    assert [state(installation, number).state.value for number in range(2)] == ["processing", "active"]
    assert job_states(installation) == {JobState.WAITING: 1, JobState.DONE: 1}
    embedder.fails.clear()
    with transaction(installation.engine) as connection:
        connection.execute(jobs.update().values(run_after=datetime.now(UTC) - timedelta(seconds=1)))
    embed(installation, embedder)
    assert state(installation, 0).state is ArtworkState.ACTIVE


def test_what_never_works_is_rejected_in_the_end(installation: Installation) -> None:
    upload(installation, 1)
    embedder = FakeEmbedder()
    embedder.fails[picture(1000)] = RuntimeError("out of memory")
    for _ in range(embedding.MOST_ATTEMPTS):
        embed(installation, embedder)
        with transaction(installation.engine) as connection:
            connection.execute(jobs.update().values(run_after=datetime.now(UTC) - timedelta(seconds=1)))
    assert state(installation, 0).state is ArtworkState.REJECTED
    assert job_states(installation) == {JobState.FAILED: 1}


def change_version(installation: Installation, embedder: FakeEmbedder) -> None:
    """What opening another model does: its version is wanted from then on."""
    version = EmbeddingVersion(version=embedder.version, dimension=embedder.dimension, domain="photographs")
    with transaction(installation.engine) as connection:
        add_embedding_version(connection, version, now=datetime.now(UTC))


def test_a_new_embedding_version_decides_only_once_every_image_has_a_vector_in_it(ready: Installation) -> None:
    other = FakeEmbedder("other-000000000002", 12)
    change_version(ready, other)
    assert complete_version(ready.engine, cast(Embedder, other))
    embed_some(ready, other)
    ready.services.refresh()
    assert ready.services.catalogue.current.embedding_version == EMBEDDING.version
    embed(ready, other)
    ready.services.refresh()
    catalogue = ready.services.catalogue.current
    assert catalogue.embedding_version == other.version
    assert {each.vector.shape for each in catalogue.titles[TitleId("harbor")].candidates.values()} == {(12,)}


def test_a_policy_of_the_old_vectors_gives_way_to_uniform_on_the_record(ready: Installation, learned: Learned) -> None:
    order = Order(actor="test", reason="go", at=datetime.now(UTC), force=True)
    promote(ready.engine, ready.blobs, version=learned.manifest.version, order=order)
    ready.services.refresh()
    assert ready.select("harbor")["policy"] == learned.manifest.version
    other = FakeEmbedder("other-000000000002", 12)
    change_version(ready, other)
    embed(ready, other)
    ready.services.refresh()
    assert ready.select("harbor", "tundra")["policy"] == "uniform"
    with reading(ready.engine) as connection:
        last = list_deployments(connection)[0]
        live = live_embedding_version(connection)
        entry = next(each for each in list_entries(connection) if each.action == "embedding.live")
    assert (entry.actor, entry.before, entry.after) == (
        "keyart-worker",
        {"live": EMBEDDING.version},
        {"live": other.version},
    )
    assert (last.version, last.actor) == ("uniform", "keyart-worker")
    assert learned.manifest.version in last.reason
    assert live is not None
    assert live.version == other.version


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.SHADOW])
def test_a_canary_and_a_shadow_of_the_old_vectors_are_retired(
    ready: Installation, learned: Learned, stage: Stage
) -> None:
    share = 1.0 if stage is Stage.CANARY else None
    order = Order(actor="test", reason="try", at=datetime.now(UTC), stage=stage, share=share, force=True)
    promote(ready.engine, ready.blobs, version=learned.manifest.version, order=order)
    other = FakeEmbedder(OTHER, 12)
    change_version(ready, other)
    embed(ready, other)
    ready.services.refresh()
    assert [slot["reason"] for slot in ready.select("harbor", "tundra")["slots"]] == ["policy", "policy"]
    with reading(ready.engine) as connection:
        last = list_deployments(connection)[0]
    assert (last.version, last.stage, last.actor) == (learned.manifest.version, Stage.RETIRED, "keyart-worker")


OTHER = "other-000000000002"


def live_version_of(installation: Installation) -> str:
    with reading(installation.engine) as connection:
        live = live_embedding_version(connection)
    assert live is not None
    return live.version


def artwork_of(installation: Installation, artwork: str) -> Artwork:
    with reading(installation.engine) as connection:
        return find_artwork(connection, TitleId("harbor"), ArtworkId(artwork))


def put_image(installation: Installation, artwork: str, number: int) -> ImageHash:
    answer = installation.http.put(f"/v1/titles/harbor/artworks/{artwork}/image", content=picture(number, side=96))
    assert answer.status_code == 202
    return ImageHash(answer.json()["sha256"])


def shown(installation: Installation, artwork: str) -> str | None:
    installation.services.refresh()
    candidate = installation.services.catalogue.current.titles[TitleId("harbor")].candidates.get(ArtworkId(artwork))
    return None if candidate is None else candidate.image


def test_a_built_in_policy_other_than_uniform_does_not_keep_the_old_vectors(harbor: Installation) -> None:
    assert harbor.http.post("/v1/policies/default:promote", json={"reason": "a test"}).status_code == 200
    other = FakeEmbedder(OTHER, 12)
    change_version(harbor, other)
    embed(harbor, other)
    assert live_version_of(harbor) == OTHER
    with reading(harbor.engine) as connection:
        assert [each.version for each in list_deployments(connection)] == ["default"]


def test_of_two_workers_with_different_models_the_one_that_started_last_decides_for_good(harbor: Installation) -> None:
    first, second = FakeEmbedder(), FakeEmbedder(OTHER, 12)
    change_version(harbor, second)
    embed(harbor, first)
    embed(harbor, second)
    assert live_version_of(harbor) == OTHER
    image = put_image(harbor, "new", 5)
    assert embed(harbor, first) == 0
    assert first.batches == []
    assert live_version_of(harbor) == OTHER
    embed(harbor, second)
    assert shown(harbor, "new") == image
    change_version(harbor, first)
    embed(harbor, first)
    assert live_version_of(harbor) == first.version


def test_a_replacement_during_a_change_of_model_is_shown_with_the_new_vectors_and_the_old_picture_until_then(
    harbor: Installation,
) -> None:
    before = shown(harbor, "a")
    other = FakeEmbedder(OTHER, 12)
    change_version(harbor, other)
    image = put_image(harbor, "a", 6)
    embed_some(harbor, other)
    assert (shown(harbor, "a"), live_version_of(harbor)) == (before, EMBEDDING.version)
    embed(harbor, other)
    assert (shown(harbor, "a"), live_version_of(harbor)) == (image, OTHER)


def test_a_replacement_that_cannot_be_embedded_leaves_the_old_picture_on_air(harbor: Installation) -> None:
    before = shown(harbor, "a")
    image = put_image(harbor, "a", 7)
    (harbor.home / "images" / image[:2] / f"{image}.png").write_bytes(b"damaged")
    embed(harbor, FakeEmbedder())
    assert shown(harbor, "a") == before
    assert "Upload the picture again" in harbor.http.get("/v1/titles/harbor/artworks/a").json()["reason"]


def test_a_missing_file_does_not_block_a_change_of_model(harbor: Installation) -> None:
    lost = shown(harbor, "b")
    assert lost is not None
    (harbor.home / "images" / lost[:2] / f"{lost}.png").unlink()
    other = FakeEmbedder(OTHER, 12)
    change_version(harbor, other)
    embed(harbor, other)
    assert live_version_of(harbor) == OTHER
    gone = artwork_of(harbor, "b")
    assert (gone.state, shown(harbor, "b")) == (ArtworkState.REJECTED, None)
    assert "Upload the picture again" in (gone.reason or "")


def expire_leases(installation: Installation) -> None:
    with transaction(installation.engine) as connection:
        connection.execute(jobs.update().values(lease_until=datetime.now(UTC) - LEASE))


class Killed(BaseException):
    """A worker dies."""


def die_of(installation: Installation, embedder: FakeEmbedder) -> None:
    """Embed until the worker dies; then its leases run out."""
    with pytest.raises(Killed):
        embed(installation, embedder)
    expire_leases(installation)


def test_an_image_that_kills_its_workers_is_rejected_and_harms_no_other(installation: Installation) -> None:
    upload(installation, 4)
    embedder = FakeEmbedder()
    embedder.fails[picture(1001)] = cast(Exception, Killed())
    for _ in range(embedding.MOST_ATTEMPTS):
        die_of(installation, embedder)
    assert embedder.batches[0] == 4
    assert set(embedder.batches[1:]) == {1}
    embed(installation, embedder)
    assert [state(installation, number).state.value for number in range(4)] == [
        "active",
        "rejected",
        "active",
        "active",
    ]
    assert "died" in (state(installation, 1).reason or "")
    assert embed(installation, embedder) == 0


def test_what_is_given_up_is_not_queued_again_until_a_worker_starts(harbor: Installation) -> None:
    other = FakeEmbedder(OTHER, 12)
    change_version(harbor, other)
    broken = shown(harbor, "b")
    assert broken is not None
    other.fails[(harbor.home / "images" / broken[:2] / f"{broken}.png").read_bytes()] = UndecodableImage("no picture")
    assert embed(harbor, other) == 3
    assert (shown(harbor, "b"), live_version_of(harbor)) == (broken, EMBEDDING.version)
    assert not complete_version(harbor.engine, cast(Embedder, other))
    other.fails.clear()
    change_version(harbor, other)
    assert embed(harbor, other) == 1
    assert live_version_of(harbor) == OTHER


def test_an_image_that_another_worker_holds_is_not_queued_again(installation: Installation) -> None:
    upload(installation, 1)
    with transaction(installation.engine) as connection:
        assert claim(connection, owner="another", now=datetime.now(UTC), lease=LEASE, kinds=[JobKind.EMBED_IMAGE])
    assert embed(installation, FakeEmbedder()) == 0
    with reading(installation.engine) as connection:
        assert count_unfinished(connection) == 1
