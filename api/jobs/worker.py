"""The worker: does what waits, job after job, until it is told to stop. Outlives whatever a job meets."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.errors import KeyartError
from api.jobs.describing import describe_missing
from api.jobs.embedding import complete_version, embed_images, open_embedder
from api.jobs.joining import join_rewards
from api.jobs.viewers import foundations_in_use, refresh_viewers
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.database import open_engine, reading, transaction
from api.storage.foundation import FoundationVersion
from api.storage.jobs import JobKind, count_unfinished, forget_done
from api.storage.vectors import live_embedding_version
from artwork.embedding import Embedder, EmbeddingModelUnavailable
from artwork.labels import Labeller
from foundation.checkpoint import from_bytes
from foundation.trained import Foundation

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.25
VERSION_EVERY_SECONDS = 5.0
VIEWERS_EVERY_SECONDS = 5.0
MODEL_AGAIN_SECONDS = 30.0
TIDY_EVERY_SECONDS = 600.0
DONE_KEPT_FOR = timedelta(days=1)


class Worker:
    """One worker process: its name, the models it has opened, and when it may look again for what is rare."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine = open_engine(settings.database_url)
        self._blobs = BlobStore(settings.blob_root)
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._models: tuple[Embedder, Labeller] | None = None
        self._foundations: dict[str, Foundation] = {}
        self._embedding_from = 0.0
        self._version_from = 0.0
        self._viewers_from = 0.0
        self._tidy_from = 0.0

    def step(self) -> bool:
        """Do some of everything that waits, and tell whether there was anything."""
        parts = (self._embed, self._join, self._refresh_viewers, self._tidy)
        worked = [self._guarded(part) for part in parts]
        return any(worked)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _guarded(self, part: Callable[[], bool]) -> bool:
        """What one kind of work meets must not keep the others from being done."""
        try:
            return part()
        except KeyartError as error:
            logger.warning("%s: %s", part.__name__.strip("_"), error)
        except Exception:
            logger.exception("%s failed", part.__name__.strip("_"))
        return False

    def _embed(self) -> bool:
        if self._models is None:
            if time.monotonic() < self._embedding_from or not self._model_needed():
                return False
            try:
                embedder = open_embedder(self._settings, self._engine)
            except EmbeddingModelUnavailable as error:
                self._embedding_from = time.monotonic() + MODEL_AGAIN_SECONDS
                logger.error("uploaded images wait: %s", error)
                return False
            self._models = embedder, Labeller(embedder)
        embedder, labeller = self._models
        if embed_images(self._engine, self._blobs, embedder, labeller=labeller, owner=self._name) > 0:
            return True
        if describe_missing(self._engine, self._blobs, labeller, version=embedder.version) > 0:
            return True
        return self._complete_version(embedder)

    def _complete_version(self, embedder: Embedder) -> bool:
        if time.monotonic() < self._version_from:
            return False
        worked = complete_version(self._engine, embedder)
        if not worked:
            self._version_from = time.monotonic() + VERSION_EVERY_SECONDS
        return worked

    def _model_needed(self) -> bool:
        """Tell whether images wait, or were embedded before: by a model that the settings may have left since."""
        with reading(self._engine) as connection:
            if live_embedding_version(connection) is not None:
                return True
            return count_unfinished(connection, JobKind.EMBED_IMAGE) > 0

    def _join(self) -> bool:
        return join_rewards(self._engine, windows=self._settings.windows, now=datetime.now(UTC)) > 0

    def _refresh_viewers(self) -> bool:
        if time.monotonic() < self._viewers_from:
            return False
        self._viewers_from = time.monotonic() + VIEWERS_EVERY_SECONDS
        used = foundations_in_use(self._engine)
        opened = {each.version: self._foundations.get(each.version) for each in used}
        self._foundations = {version: known for version, known in opened.items() if known is not None}
        worked = [self._refresh(each) for each in used]
        if any(worked):
            self._viewers_from = 0.0
        return any(worked)

    def _refresh(self, version: FoundationVersion) -> bool:
        foundation = self._foundations.get(version.version)
        if foundation is None:
            foundation = from_bytes(self._blobs.get_model(version.digest))
            self._foundations[version.version] = foundation
        return refresh_viewers(self._engine, foundation, version=version.version) > 0

    def _tidy(self) -> bool:
        """Forget jobs that were done long ago; there is never a hurry."""
        if time.monotonic() >= self._tidy_from:
            self._tidy_from = time.monotonic() + TIDY_EVERY_SECONDS
            with transaction(self._engine) as connection:
                forget_done(connection, before=datetime.now(UTC) - DONE_KEPT_FOR)
        return False


def work(settings: Settings, *, stop: Callable[[], bool], once: bool) -> None:
    """Work until `stop` says so; with `once`, until nothing waits."""
    worker = Worker(settings)
    try:
        while not stop():
            if not worker.step():
                if once:
                    return
                time.sleep(IDLE_SECONDS)
    finally:
        worker.close()
