"""The job that embeds and describes uploaded images and makes their artworks active. Opens no model by itself."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from api.errors import DamagedFile, MissingFile
from api.jobs.describing import descriptions
from api.settings import Settings
from api.storage.audit_log import WORKER, Told, record
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.descriptions import put_descriptions
from api.storage.images import (
    activate_embedded,
    activate_image,
    enqueue_missing,
    find_image,
    lose_image,
    reject_image,
)
from api.storage.jobs import MOST_ATTEMPTS, Job, JobKind, claim, complete, fail, give_up
from api.storage.policies import BUILT_IN, Deployment, Stage, deploy, find_policy_version, standing
from api.storage.vectors import (
    EmbeddingVersion,
    add_embedding_version,
    images_without_vector,
    live_embedding_version,
    put_vector,
    set_live_embedding_version,
    wanted_embedding_version,
)
from artwork.catalog import ImageHash
from artwork.composition import UnreadableImage
from artwork.embedding import Embedder, EmbedderConfig, UndecodableImage, load_embedder
from artwork.labels import Labeller
from bandit.decision import PolicyVersionId
from bandit.policies.uniform import UNIFORM

logger = logging.getLogger(__name__)

IMAGES_AT_ONCE = 16
LEASE = timedelta(minutes=5)


def open_embedder(settings: Settings, engine: Engine) -> Embedder:
    """Load the model of the settings, and tell the database that its version is wanted from now on.

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
    with transaction(engine) as connection:
        add_embedding_version(connection, version, now=datetime.now(UTC))
        live = live_embedding_version(connection)
    if live is not None and live.version != embedder.version:
        logger.warning("%s is to replace %s; workers of other versions embed no more", embedder.version, live.version)
    return embedder


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job with the bytes that it is about."""

    job: Job
    image: ImageHash
    data: bytes


def embed_images(engine: Engine, blobs: BlobStore, embedder: Embedder, *, labeller: Labeller, owner: str) -> int:
    """Embed and describe the images that wait, up to a batch, and return how many jobs were ended; 0 when none waits.

    A worker whose version is not the one that was wanted last embeds nothing: two would undo each other's work.
    """
    jobs = _claimed(engine, embedder.version, owner)
    readable = [found for job in jobs if (found := _read(engine, blobs, job)) is not None]
    if readable:
        _embed(engine, embedder, labeller, claimed=readable)
    return len(jobs)


def complete_version(engine: Engine, embedder: Embedder) -> bool:
    """Queue images that have no vector in this version; once all have one, let pages be decided in it.

    Ask when no image waits. Tells whether anything was done.
    """
    with reading(engine) as connection:
        if wanted_embedding_version(connection) != embedder.version:
            return False
        live = live_embedding_version(connection)
        complete = not images_without_vector(connection, embedder.version, limit=1)
    if not complete:
        with transaction(engine) as connection:
            return enqueue_missing(connection, embedder.version, now=datetime.now(UTC)) > 0
    if live is None or live.version == embedder.version:
        return False
    _go_live(engine, embedder.version)
    return True


def _embed(engine: Engine, embedder: Embedder, labeller: Labeller, *, claimed: Sequence[Claimed]) -> None:
    images = [each.data for each in claimed]
    try:
        vectors = embedder.embed_images(images)
        described = descriptions(labeller, vectors, images)
    except Exception as error:
        # One image must not keep the others of its batch from being embedded.
        if len(claimed) == 1:
            _give_up(engine, claimed[0], error)
            return
        for each in claimed:
            _embed(engine, embedder, labeller, claimed=[each])
        return
    now = datetime.now(UTC)
    with transaction(engine) as connection:
        live = live_embedding_version(connection)
        for each, vector in zip(claimed, vectors, strict=True):
            put_vector(connection, each.image, version=embedder.version, vector=vector)
        looks = {each.image: description for each, description in zip(claimed, described, strict=True)}
        put_descriptions(connection, looks, version=embedder.version)
        for each in claimed:
            if live is not None and live.version == embedder.version:
                activate_image(connection, each.image, now=now)
            complete(connection, each.job, now=now)


def _give_up(engine: Engine, claimed: Claimed, error: Exception) -> None:
    """Let an image that cannot be embedded be tried again later; reject it when no try will help."""
    logger.warning("image %s cannot be embedded: %s", claimed.image, error)
    hopeless = isinstance(error, UndecodableImage | UnreadableImage) or claimed.job.attempt >= MOST_ATTEMPTS
    reason, now = f"It cannot be embedded: {error}. Upload another picture.", datetime.now(UTC)
    with transaction(engine) as connection:
        if hopeless:
            reject_image(connection, claimed.image, reason=reason, now=now)
        fail(connection, claimed.job, error=reason, now=now, retry=not hopeless)


def _claimed(engine: Engine, version: str, owner: str) -> Sequence[Job]:
    """Take a batch of images; one that was tried before is taken alone, since it may have killed its worker."""
    kind, now = JobKind.EMBED_IMAGE, datetime.now(UTC)
    with transaction(engine) as connection:
        if wanted_embedding_version(connection) != version:
            return []
        for image in give_up(connection, kind, now=now):
            reject_image(connection, ImageHash(image), reason=_KILLER, now=now)
        first = claim(connection, owner=owner, now=now, lease=LEASE, kinds=[kind])
        jobs = [] if first is None else [first]
        while jobs and jobs[0].attempt == 1 and len(jobs) < IMAGES_AT_ONCE:
            job = claim(connection, owner=owner, now=now, lease=LEASE, kinds=[kind], untried=True)
            if job is None:
                break
            jobs.append(job)
    return jobs


_KILLER = "Every worker that tried to embed it died. Upload another picture."


def _read(engine: Engine, blobs: BlobStore, job: Job) -> Claimed | None:
    """Return a job's image; one whose file is gone or damaged can be shown nowhere, and people are told why."""
    image = ImageHash(job.payload["image"])
    try:
        with reading(engine) as connection:
            found = find_image(connection, image)
        return Claimed(job, image, blobs.get_image(image, found.format))
    except (DamagedFile, MissingFile) as error:
        logger.warning("image %s cannot be shown any more: %s", image, error)
        reason, now = f"{error.message} Upload the picture again.", datetime.now(UTC)
        with transaction(engine) as connection:
            lose_image(connection, image, reason=reason, now=now)
            fail(connection, job, error=str(error), now=now, retry=False)
        return None


def _go_live(engine: Engine, version: str) -> None:
    """Let pages be decided in an embedding version that every image has a vector in.

    A policy learned on other vectors can no longer decide then: a canary and a shadow are retired and, in place of a
    live one, the uniform policy takes over, on the record, until a version learned on the new ones is promoted.
    """
    now = datetime.now(UTC)
    with transaction(engine) as connection:
        replaced = live_embedding_version(connection)
        set_live_embedding_version(connection, version)
        told = Told(before=None if replaced is None else {"live": replaced.version}, after={"live": version})
        subject = f"embedding/{version}"
        record(connection, actor=WORKER.actor, action="embedding.live", subject=subject, now=now, **told)
        activate_embedded(connection, version, now=now)
        stands = standing(connection)
        # The live one last: uniform in its place ends a canary, which could not be retired any more.
        for held in (stands.canary.version if stands.canary else None, stands.shadow, stands.live):
            if held is not None and held not in BUILT_IN:
                _take_off(connection, held, live=held == stands.live, version=version, now=now)
    logger.warning("pages are decided with vectors of %s from now on", version)


def _take_off(connection: Connection, held: PolicyVersionId, *, live: bool, version: str, now: datetime) -> None:
    """End what a policy decides, or what it is asked, if it was not learned on vectors of `version`."""
    learned_on = find_policy_version(connection, held).manifest["embedding_version"]
    if learned_on != version:
        reason = f"{held} was learned on {learned_on}; the artworks are embedded in {version} now"
        next_one, stage = (UNIFORM, Stage.LIVE) if live else (held, Stage.RETIRED)
        deploy(connection, Deployment(version=next_one, stage=stage, actor=WORKER.actor, reason=reason, at=now))
