"""The catalogue: descriptions, the default of a title, the way of an artwork to active, and what a reader is told."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine

from api.errors import Conflict, UnknownArtwork, UnknownImage, UnknownTitle, UnknownVersion
from api.storage.catalog import (
    changed_since,
    count_artworks,
    count_titles,
    find_artwork,
    find_title,
    list_artworks,
    list_titles,
    put_artwork,
    put_title,
    write_artwork,
)
from api.storage.database import reading, transaction
from api.storage.images import (
    Image,
    activate_embedded,
    activate_image,
    attach_image,
    enqueue_missing,
    find_image,
    lose_image,
    perceptual_hashes,
    reject_image,
)
from api.storage.jobs import JobKind, claim, complete, count_unfinished, fail
from api.storage.vectors import (
    EmbeddingVersion,
    add_embedding_version,
    all_vectors,
    images_without_vector,
    live_embedding_version,
    put_vector,
    set_live_embedding_version,
    vectors_of,
    wanted_embedding_version,
)
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId, TitleKind

HEAT = Title(
    title=TitleId("heat"),
    name="Heat",
    kind=TitleKind.SERIES,
    genres=("crime", "drama"),
    year=1995,
    language="en",
    runtime_seconds=10_200,
    cast=("Al Pacino", "Robert De Niro"),
    maturity="R",
)
ALIEN = Title(title=TitleId("alien"), name="Älien 👾")
LITE = EmbeddingVersion(version="keyart-lite-1a2b3c4d5e6f", dimension=3, domain="rendered")


def _image(name: str) -> Image:
    sha256 = ImageHash(hashlib.sha256(name.encode()).hexdigest())
    return Image(sha256=sha256, format="webp", width=400, height=600, bytes=12_345, perceptual_hash=sha256[:16])


@pytest.fixture
def catalogue(engine: Engine, now: datetime) -> Engine:
    """A database with two titles and no artwork."""
    with transaction(engine) as connection:
        put_title(connection, HEAT, now=now)
        put_title(connection, ALIEN, now=now)
    return engine


def _attach(engine: Engine, artwork: str, name: str, now: datetime) -> Artwork:
    with transaction(engine) as connection:
        return attach_image(connection, HEAT.title, ArtworkId(artwork), image=_image(name), now=now)


def test_titles_come_back_whole_and_in_order(catalogue: Engine, now: datetime) -> None:
    with reading(catalogue) as connection:
        assert list_titles(connection) == [ALIEN, HEAT]
        assert list_titles(connection, limit=1) == [ALIEN]
        assert list_titles(connection, after=ALIEN.title, limit=1) == [HEAT]
        assert find_title(connection, HEAT.title) == HEAT
        assert count_titles(connection) == 2


def test_putting_a_title_again_replaces_it(catalogue: Engine, now: datetime) -> None:
    shorter = replace(HEAT, genres=(), year=None)
    with transaction(catalogue) as connection:
        put_title(connection, shorter, now=now)
        assert find_title(connection, HEAT.title) == shorter


def test_unknown_titles_and_artworks_are_named_and_nothing_is_written(catalogue: Engine, now: datetime) -> None:
    nowhere, nothing = TitleId("nowhere"), ArtworkId("nothing")
    with transaction(catalogue) as connection:
        before = changed_since(connection, 0)
        with pytest.raises(UnknownTitle, match="nowhere"):
            find_title(connection, nowhere)
        with pytest.raises(UnknownTitle):
            list_artworks(connection, nowhere)
        with pytest.raises(UnknownTitle):
            find_artwork(connection, nowhere, nothing)
        with pytest.raises(UnknownArtwork, match="nothing"):
            find_artwork(connection, HEAT.title, nothing)
        with pytest.raises(UnknownImage):
            find_image(connection, _image("none").sha256)
    with pytest.raises(UnknownTitle), transaction(catalogue) as connection:
        attach_image(connection, nowhere, nothing, image=_image("x"), now=now)
    with pytest.raises(UnknownTitle), transaction(catalogue) as connection:
        put_artwork(connection, Artwork(title=nowhere, artwork=nothing), now=now)
    with reading(catalogue) as connection:
        assert changed_since(connection, 0) == before
        assert list_artworks(connection, HEAT.title) == []
        assert count_unfinished(connection) == 0


def test_an_artwork_goes_from_description_to_active(catalogue: Engine, now: datetime) -> None:
    described = Artwork(
        title=HEAT.title, artwork=ArtworkId("a"), label="Two men", locales=("en", "fr"), maturity="R", spoiler=True
    )
    with transaction(catalogue) as connection:
        assert put_artwork(connection, described, now=now) == described
    attached = _attach(catalogue, "a", "men", now)
    assert attached == replace(described, image=_image("men").sha256, default=True)
    with transaction(catalogue) as connection:
        job = claim(connection, owner="worker", now=now, lease=timedelta(seconds=60))
        assert job is not None
        assert (job.kind, job.payload) == (JobKind.EMBED_IMAGE, {"image": _image("men").sha256})
        assert activate_image(connection, _image("men").sha256, now=now) == 1
        assert find_artwork(connection, HEAT.title, described.artwork) == replace(attached, state=ArtworkState.ACTIVE)
        assert count_artworks(connection)[ArtworkState.ACTIVE] == 1
        assert find_image(connection, _image("men").sha256) == _image("men")
        assert perceptual_hashes(connection, HEAT.title) == {"a": _image("men").perceptual_hash}


def test_an_image_that_is_refused_later_rejects_its_artworks_with_the_reason(catalogue: Engine, now: datetime) -> None:
    _attach(catalogue, "a", "broken", now)
    with transaction(catalogue) as connection:
        assert reject_image(connection, _image("broken").sha256, reason="It cannot be embedded.", now=now) == 1
        assert activate_image(connection, _image("broken").sha256, now=now) == 0
        rejected = find_artwork(connection, HEAT.title, ArtworkId("a"))
    assert (rejected.state, rejected.reason) == (ArtworkState.REJECTED, "It cannot be embedded.")
    again = _attach(catalogue, "a", "better", now)
    assert (again.state, again.reason) == (ArtworkState.PROCESSING, None)


def test_one_image_may_serve_two_artworks_and_waits_in_one_job(catalogue: Engine, now: datetime) -> None:
    _attach(catalogue, "a", "same", now)
    _attach(catalogue, "b", "same", now)
    with transaction(catalogue) as connection:
        assert count_unfinished(connection, JobKind.EMBED_IMAGE) == 1
        add_embedding_version(connection, LITE, now=now)
        assert enqueue_missing(connection, LITE.version, now=now) == 0
        assert activate_image(connection, _image("same").sha256, now=now) == 2


@pytest.fixture
def active(catalogue: Engine, now: datetime) -> Artwork:
    """An active artwork that shows the image `one`; no job waits."""
    _attach(catalogue, "a", "one", now)
    with transaction(catalogue) as connection:
        activate_image(connection, _image("one").sha256, now=now)
        job = claim(connection, owner="worker", now=now, lease=timedelta(seconds=60))
        assert job is not None
        complete(connection, job, now=now)
        return find_artwork(connection, HEAT.title, ArtworkId("a"))


def test_the_same_upload_again_changes_nothing(catalogue: Engine, active: Artwork, now: datetime) -> None:
    assert _attach(catalogue, "a", "one", now) == active
    with reading(catalogue) as connection:
        assert count_unfinished(connection) == 0


def test_a_replaced_image_is_shown_until_the_new_one_takes_over(
    catalogue: Engine, active: Artwork, now: datetime
) -> None:
    one, two = _image("one").sha256, _image("two").sha256
    assert _attach(catalogue, "a", "two", now) == replace(active, pending=two)
    with transaction(catalogue) as connection:
        assert count_unfinished(connection, JobKind.EMBED_IMAGE) == 1
        assert images_without_vector(connection, LITE.version) == sorted([one, two])
        assert perceptual_hashes(connection, HEAT.title) == {"a": _image("two").perceptual_hash}
        described = put_artwork(connection, Artwork(title=HEAT.title, artwork=active.artwork, label="New"), now=now)
        before = changed_since(connection, 0).revision
        assert activate_image(connection, two, now=now) == 1
        assert changed_since(connection, before).artworks == (replace(described, image=two, pending=None),)


def test_a_refused_replacement_leaves_the_artwork_on_air_with_the_reason(
    catalogue: Engine, active: Artwork, now: datetime
) -> None:
    _attach(catalogue, "a", "two", now)
    with transaction(catalogue) as connection:
        assert reject_image(connection, _image("two").sha256, reason="No picture.", now=now) == 1
        assert find_artwork(connection, HEAT.title, active.artwork) == replace(active, reason="No picture.")
        assert activate_image(connection, _image("two").sha256, now=now) == 0


def test_an_artwork_whose_shown_file_is_lost_waits_for_its_replacement(
    catalogue: Engine, active: Artwork, now: datetime
) -> None:
    one, two = _image("one").sha256, _image("two").sha256
    _attach(catalogue, "a", "two", now)
    _attach(catalogue, "b", "one", now)
    with transaction(catalogue) as connection:
        lose_image(connection, one, reason="Gone.", now=now)
        waiting, rejected = list_artworks(connection, HEAT.title)
        assert (waiting.image, waiting.pending, waiting.state) == (two, None, ArtworkState.PROCESSING)
        assert (rejected.state, rejected.reason) == (ArtworkState.REJECTED, "Gone.")
        assert activate_image(connection, two, now=now) == 1


def test_what_waits_and_has_a_vector_is_activated_at_once(catalogue: Engine, active: Artwork, now: datetime) -> None:
    _attach(catalogue, "a", "two", now)
    for name in ("b", "c"):
        _attach(catalogue, name, name, now)
    with transaction(catalogue) as connection:
        add_embedding_version(connection, LITE, now=now)
        for name in ("two", "b"):
            put_vector(connection, _image(name).sha256, version=LITE.version, vector=np.ones(3, dtype=np.float32))
        assert activate_embedded(connection, LITE.version, now=now) == 2
        found = list_artworks(connection, HEAT.title)
    assert [each.state.value for each in found] == ["active", "active", "processing"]
    assert (found[0].image, found[0].pending) == (_image("two").sha256, None)


def test_images_are_queued_in_parts_and_none_twice(catalogue: Engine, active: Artwork, now: datetime) -> None:
    for name in ("two", "three", "four"):
        _attach(catalogue, name, name, now)
    later = now + timedelta(seconds=1)
    with transaction(catalogue) as connection:
        add_embedding_version(connection, LITE, now=later)
        first = claim(connection, owner="worker", now=now, lease=timedelta(seconds=60))
        second = claim(connection, owner="worker", now=now, lease=timedelta(seconds=60))
        third = claim(connection, owner="worker", now=now, lease=timedelta(seconds=60))
        assert first is not None
        assert second is not None
        assert third is not None
        fail(connection, first, error="broken", now=later, retry=False)  # in this version: not again
        fail(connection, second, error="broken", now=now, retry=False)  # before it was wanted: again
        assert enqueue_missing(connection, LITE.version, now=later, limit=1) == 1
        assert enqueue_missing(connection, LITE.version, now=later) == 1
        assert enqueue_missing(connection, LITE.version, now=later) == 0
        assert count_unfinished(connection, JobKind.EMBED_IMAGE) == 3
        with pytest.raises(UnknownVersion):
            enqueue_missing(connection, "unknown", now=later)


def test_the_version_that_was_wanted_last_is_known(catalogue: Engine, now: datetime) -> None:
    other = replace(LITE, version="clip-0123456789ab")
    with transaction(catalogue) as connection:
        assert wanted_embedding_version(connection) is None
        for seconds, version in enumerate((LITE, other, LITE)):
            add_embedding_version(connection, version, now=now + timedelta(seconds=seconds))
            assert wanted_embedding_version(connection) == version.version
        assert live_embedding_version(connection) == LITE


def test_uploading_the_shown_image_calls_a_replacement_off(catalogue: Engine, active: Artwork, now: datetime) -> None:
    _attach(catalogue, "a", "two", now)
    assert _attach(catalogue, "a", "one", now) == active
    with transaction(catalogue) as connection:
        assert activate_image(connection, _image("two").sha256, now=now) == 0


def test_a_paused_artwork_with_a_new_image_stays_paused(catalogue: Engine, now: datetime) -> None:
    uploaded = _attach(catalogue, "a", "one", now)
    with transaction(catalogue) as connection:
        write_artwork(connection, replace(uploaded, state=ArtworkState.PAUSED), revision=99, now=now)
    assert _attach(catalogue, "a", "two", now).state is ArtworkState.PAUSED


def test_a_title_has_one_default_the_first_upload_until_another_is_marked(catalogue: Engine, now: datetime) -> None:
    assert _attach(catalogue, "a", "one", now).default
    assert not _attach(catalogue, "b", "two", now).default
    with transaction(catalogue) as connection:
        assert put_artwork(connection, Artwork(title=HEAT.title, artwork=ArtworkId("b"), default=True), now=now).default
        assert [each.default for each in list_artworks(connection, HEAT.title)] == [False, True]
        put_artwork(connection, Artwork(title=HEAT.title, artwork=ArtworkId("b"), label="relabelled"), now=now)
        put_artwork(connection, Artwork(title=ALIEN.title, artwork=ArtworkId("z"), default=True), now=now)
        assert [each.default for each in list_artworks(connection, HEAT.title)] == [False, True]
        assert [each.default for each in list_artworks(connection, ALIEN.title)] == [True]


def test_a_reader_is_told_what_changed_and_nothing_else(catalogue: Engine, now: datetime) -> None:
    _attach(catalogue, "a", "one", now)
    with reading(catalogue) as connection:
        whole = changed_since(connection, 0)
        assert changed_since(connection, whole.revision) == replace(whole, titles=(), artworks=())
    assert {title.title for title in whole.titles} == {"heat", "alien"}
    with transaction(catalogue) as connection:
        activate_image(connection, _image("one").sha256, now=now)
        news = changed_since(connection, whole.revision)
    assert news.revision > whole.revision
    assert (news.titles, [each.state for each in news.artworks]) == ((), [ArtworkState.ACTIVE])


def test_a_new_default_tells_of_the_old_one_too(catalogue: Engine, now: datetime) -> None:
    _attach(catalogue, "a", "one", now)
    _attach(catalogue, "b", "two", now)
    with transaction(catalogue) as connection:
        before = changed_since(connection, 0).revision
        put_artwork(connection, Artwork(title=HEAT.title, artwork=ArtworkId("b"), default=True), now=now)
        news = changed_since(connection, before)
    assert {each.artwork: each.default for each in news.artworks} == {"a": False, "b": True}


def test_vectors_belong_to_a_version_and_only_to_it(catalogue: Engine, now: datetime) -> None:
    other = replace(LITE, version="clip-0123456789ab")
    one, two = _image("one").sha256, _image("two").sha256
    for artwork in ("one", "two"):
        _attach(catalogue, artwork, artwork, now)
    vector = np.array([1, 2, 3], dtype=np.float32)
    with transaction(catalogue) as connection:
        assert live_embedding_version(connection) is None
        add_embedding_version(connection, LITE, now=now)
        add_embedding_version(connection, other, now=now)
        add_embedding_version(connection, LITE, now=now)
        assert live_embedding_version(connection) == LITE
        assert images_without_vector(connection, LITE.version) == sorted([one, two])
        put_vector(connection, one, version=LITE.version, vector=vector)
        assert images_without_vector(connection, LITE.version) == [two]
        assert images_without_vector(connection, other.version, limit=1) == sorted([one, two])[:1]
        assert vectors_of(connection, [one], version=other.version) == {}
        found = vectors_of(connection, [one, two], version=LITE.version)
        assert all_vectors(connection, LITE.version).keys() == {one}
    assert list(found) == [one]
    np.testing.assert_array_equal(found[one], vector)


def test_changing_the_live_version_is_a_change_of_the_catalogue(catalogue: Engine, now: datetime) -> None:
    other = replace(LITE, version="clip-0123456789ab")
    with transaction(catalogue) as connection:
        add_embedding_version(connection, LITE, now=now)
        add_embedding_version(connection, other, now=now)
        before = changed_since(connection, 0).revision
        set_live_embedding_version(connection, other.version)
        assert live_embedding_version(connection) == other
        assert changed_since(connection, before).revision > before
        with pytest.raises(UnknownVersion):
            set_live_embedding_version(connection, "unknown")


def test_a_vector_of_another_dimension_or_version_is_refused(catalogue: Engine, now: datetime) -> None:
    _attach(catalogue, "a", "one", now)
    with transaction(catalogue) as connection:
        add_embedding_version(connection, LITE, now=now)
        with pytest.raises(Conflict, match="3 numbers"):
            put_vector(connection, _image("one").sha256, version=LITE.version, vector=np.ones(4, dtype=np.float32))
        with pytest.raises(UnknownVersion):
            put_vector(connection, _image("one").sha256, version="unknown", vector=np.ones(3, dtype=np.float32))
