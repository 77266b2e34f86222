"""The job that embeds uploaded images and makes their artworks active. Opens no model before there is work."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.errors import DamagedFile, MissingFile
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.images import activate_image, enqueue_images, find_image, reject_image
from api.storage.jobs import MOST_ATTEMPTS, Job, JobKind, claim, complete, fail
from api.storage.policies import UNIFORM, Deployment, Stage, deploy, find_policy_version, live_version
from api.storage.vectors import (
    EmbeddingVersion,
    add_embedding_version,
    images_without_vector,
    live_embedding_version,
    put_vector,
    set_live_embedding_version,
)
from artwork.catalog import ImageHash
from artwork.embedding import Embedder, EmbedderConfig, UndecodableImage, load_embedder

logger = logging.getLogger(__name__)

IMAGES_AT_ONCE = 16
LEASE = timedelta(minutes=5)


def open_embedder(settings: Settings, engine: Engine) -> Embedder:
    """Load the model of the settings, tell the database its version, and queue what has no vector in it yet.

    Raises:
        EmbeddingModelUnavailable: its weights cannot be had.
    """
    embedder = load_embedder(
        EmbedderConfig(
            model=settings.clip_model,
            pretrained=settings.clip_pretrained or "",
            offline=settings.offline,
            threads=settings.torch_threads,
        )
    )
    version = EmbeddingVersion(version=embedder.version, dimension=embedder.dimension, domain=embedder.domain)
    now = datetime.now(UTC)
    with transaction(engine) as connection:
        add_embedding_version(connection, version, now=now)
        queued = enqueue_images(connection, images_without_vector(connection, embedder.version), now=now)
    if queued:
        logger.info("%d images are to be embedded in %s", queued, embedder.version)
    return embedder


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job with the bytes that it is about."""

    job: Job
    image: ImageHash
    data: bytes


def embed_images(engine: Engine, blobs: BlobStore, embedder: Embedder, *, owner: str) -> int:
    """Embed the images that wait, up to a batch, and return how many jobs were ended; 0 when none waits."""
    jobs = _claimed(engine, owner)
    readable = [found for job in jobs if (found := _read(engine, blobs, job)) is not None]
    if readable:
        _embed(engine, embedder, readable)
    if not jobs:
        _go_live(engine, embedder)
    return len(jobs)


def _embed(engine: Engine, embedder: Embedder, claimed: Sequence[Claimed]) -> None:
    try:
        vectors = embedder.embed_images([each.data for each in claimed])
    except Exception as error:
        # One image must not keep the others of its batch from being embedded.
        if len(claimed) == 1:
            _give_up(engine, claimed[0], error)
            return
        for each in claimed:
            _embed(engine, embedder, [each])
        return
    now = datetime.now(UTC)
    with transaction(engine) as connection:
        for each, vector in zip(claimed, vectors, strict=True):
            put_vector(connection, each.image, version=embedder.version, vector=vector)
            activate_image(connection, each.image, now=now)
            complete(connection, each.job, now=now)


def _give_up(engine: Engine, claimed: Claimed, error: Exception) -> None:
    """Let an image that cannot be embedded be tried again later; reject it when no try will help."""
    logger.warning("image %s cannot be embedded: %s", claimed.image, error)
    hopeless = isinstance(error, UndecodableImage) or claimed.job.attempt >= MOST_ATTEMPTS
    reason, now = f"It cannot be embedded: {error}. Upload another picture.", datetime.now(UTC)
    with transaction(engine) as connection:
        if hopeless:
            reject_image(connection, claimed.image, reason=reason, now=now)
        fail(connection, claimed.job, error=reason, now=now, retry=not hopeless)


def _claimed(engine: Engine, owner: str) -> Sequence[Job]:
    jobs: list[Job] = []
    with transaction(engine) as connection:
        while len(jobs) < IMAGES_AT_ONCE:
            job = claim(connection, owner=owner, now=datetime.now(UTC), lease=LEASE, kinds=[JobKind.EMBED_IMAGE])
            if job is None:
                break
            jobs.append(job)
    return jobs


def _read(engine: Engine, blobs: BlobStore, job: Job) -> Claimed | None:
    """Return a job's image; one whose file is gone or damaged is rejected, and people are told why."""
    image = ImageHash(job.payload["image"])
    try:
        with reading(engine) as connection:
            found = find_image(connection, image)
        return Claimed(job, image, blobs.get_image(image, found.format))
    except (DamagedFile, MissingFile) as error:
        now = datetime.now(UTC)
        with transaction(engine) as connection:
            reject_image(connection, image, reason=str(error), now=now)
            fail(connection, job, error=str(error), now=now, retry=False)
        return None


def _go_live(engine: Engine, embedder: Embedder) -> None:
    """Let pages be decided in this embedding version once every image has a vector in it.

    A policy learned on other vectors can no longer decide then: the uniform policy takes over, on the record, until
    a version learned on the new ones is promoted.
    """
    with reading(engine) as connection:
        live = live_embedding_version(connection)
        if live is None or live.version == embedder.version or images_without_vector(connection, embedder.version):
            return
    now = datetime.now(UTC)
    with transaction(engine) as connection:
        set_live_embedding_version(connection, embedder.version)
        deciding = live_version(connection)
        learned_on = (
            None if deciding == UNIFORM else find_policy_version(connection, deciding).manifest["embedding_version"]
        )
        if learned_on not in (None, embedder.version):
            reason = f"{deciding} was learned on {learned_on}; the artworks are embedded in {embedder.version} now"
            deploy(connection, Deployment(version=UNIFORM, stage=Stage.LIVE, actor="worker", reason=reason, at=now))
    logger.warning("pages are decided with vectors of %s from now on", embedder.version)
