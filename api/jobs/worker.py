"""The worker: does what waits, job after job, until it is told to stop. Outlives whatever a job meets.

Short work is done here, step by step: images are embedded by any number of workers, each its own; joining, viewers'
vectors and the watch by the one that holds them. Long work runs apart, so that the short goes on.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.dependencies.identity import new_name
from api.errors import KeyartError
from api.jobs.describing import describe_missing
from api.jobs.embedding import complete_version, embed_images, open_embedder
from api.jobs.holding import Holdings
from api.jobs.joining import join_rewards
from api.jobs.long_work import LongWork
from api.jobs.roster import HELD, JOIN, ROSTER, VIEWERS, WATCH
from api.jobs.schedule import Report, ScheduledJob, done, is_due
from api.jobs.viewers import foundations_in_use, refresh_viewers
from api.jobs.watching import Watcher
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.database import open_engine, reading, transaction
from api.storage.due import count_due
from api.storage.foundation import FoundationVersion
from api.storage.jobs import JobKind, count_unfinished, forget_done
from api.storage.leases import JobStanding, Lease
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
TAKE_EVERY_SECONDS = 1.0
COMPLAIN_EVERY_SECONDS = 60.0
TELL_EVERY = timedelta(seconds=10)
"""How often the schedule is told what a held job did: every page that is joined would be a write too many."""
SIGN_EVERY = timedelta(minutes=1)
"""How often a worker that has nothing to do says that it lives; see `api.dependencies.troubles`."""


class Worker:
    """One worker process: what it holds, the models it has opened, and when it may look again for what is rare."""

    def __init__(self, settings: Settings, *, once: bool = False, jobs: Sequence[ScheduledJob] = ROSTER) -> None:
        """With `once` it ends when nothing waits: it begins nothing apart, and waits for what others join."""
        self._settings = settings
        self._once = once
        self._engine: Engine = open_engine(settings.database_url)
        self._blobs = BlobStore(settings.blob_root)
        self._name = new_name()
        self._holdings = Holdings(self._engine)
        self._long = LongWork(settings, self._engine, self._holdings, jobs)
        self._watcher = Watcher(settings, self._engine, self._blobs)
        self._held: dict[str, tuple[Lease, JobStanding]] = {}
        self._done: dict[str, tuple[int, datetime]] = {}
        self._planned = False
        self._complaints: dict[str, float] = {}
        self._taking_from = 0.0
        self._long_from = 0.0
        self._models: tuple[Embedder, Labeller] | None = None
        self._foundations: dict[str, Foundation] = {}
        self._embedding_from = 0.0
        self._version_from = 0.0
        self._viewers_from = 0.0
        self._tidy_from = 0.0

    def step(self) -> bool:
        """Do some of everything that waits, and tell whether there was anything."""
        parts = (self._take, self._embed, self._join, self._refresh_viewers, self._watch, self._tidy)
        worked = [self._guarded(part) for part in parts]
        if self._once:
            return any(worked) or self._guarded(self._run_due)
        return self._guarded(self._run_apart) or any(worked)

    def close(self) -> None:
        """End what runs, and let go of what is held and of the database."""
        self._long.close()
        self._guarded(self._keep_watch)
        self._holdings.close()
        self._engine.dispose()

    def _guarded(self, part: Callable[[], bool]) -> bool:
        """What one kind of work meets must not keep the others from being done."""
        try:
            return part()
        except KeyartError as error:
            self._complain(part.__name__.strip("_"), str(error))
        except Exception:
            logger.exception("%s failed", part.__name__.strip("_"))
        return False

    def _complain(self, part: str, what: str) -> None:
        """Say it once a minute, whatever meets it: a database that is away stops every part, at every step."""
        now = time.monotonic()
        self._complaints = {each: until for each, until in self._complaints.items() if until > now}
        if what not in self._complaints:
            self._complaints[what] = now + COMPLAIN_EVERY_SECONDS
            logger.warning("%s: %s", part, what)

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

    def _take(self) -> bool:
        """Take what this worker could hold and nobody does; never any work by itself."""
        if time.monotonic() >= self._taking_from:
            self._taking_from = time.monotonic() + TAKE_EVERY_SECONDS
            if not self._planned:
                self._long.plan(HELD)
                self._planned = True
            standings = self._holdings.standings()
            self._held = {job: held for job, held in self._held.items() if self._holdings.is_ours(held[0])}
            for job in HELD:
                if job not in self._held and (lease := self._holdings.take(standings[job])) is not None:
                    self._held[job] = lease, standings[job]
        return False

    def _holds(self, job: str) -> bool:
        return job in self._held and self._holdings.is_ours(self._held[job][0])

    def _tell(self, job: str, report: Report, *, every: timedelta) -> None:
        self._holdings.note(self._held[job][0], done(report, every=every, now=datetime.now(UTC)))

    def _join(self) -> bool:
        now = datetime.now(UTC)
        if not self._holds(JOIN):
            return self._once and self._others_join(now)
        joined = join_rewards(self._engine, windows=self._settings.windows, now=now)
        count, told_at = self._done.get(JOIN, (0, now))
        self._done[JOIN] = count + joined, told_at
        if joined and now - told_at >= TELL_EVERY:
            self._tell(JOIN, Report(f"{count + joined:,} pages since {told_at:%H:%M:%S} UTC"), every=TELL_EVERY)
            self._done[JOIN] = 0, now
        return joined > 0

    def _others_join(self, now: datetime) -> bool:
        """Whether another worker has something to join: who runs one worker once wants it joined at the end."""
        with reading(self._engine) as connection:
            return count_due(connection, now=now) > 0

    def _watch(self) -> bool:
        """Look at the recent log when it is time to; nobody need wait for it."""
        now, period = datetime.now(UTC), timedelta(seconds=self._settings.watch_seconds)
        if self._settings.watch == "off" or self._once or not self._holds(WATCH):
            return False
        lease, standing = self._held[WATCH]
        if is_due(standing, every=period, now=now):
            self._held[WATCH] = lease, replace(standing, next_at=now + period)
            self._tell(WATCH, Report(self._watcher.look(now)), every=period)
        return False

    def _keep_watch(self) -> bool:
        """Leave what the watch saw to the worker that takes it over."""
        if self._holds(WATCH):
            self._watcher.keep(datetime.now(UTC))
        return False

    def _run_apart(self) -> bool:
        if self._long_from > time.monotonic():
            return False
        self._long_from = time.monotonic() + TAKE_EVERY_SECONDS
        self._long.step()
        return False

    def _run_due(self) -> bool:
        return self._long.step_here()

    def _refresh_viewers(self) -> bool:
        if time.monotonic() < self._viewers_from or not self._holds(VIEWERS):
            return False
        self._viewers_from = time.monotonic() + VIEWERS_EVERY_SECONDS
        self._tell_viewers(0)
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
        refreshed = refresh_viewers(self._engine, foundation, version=version.version)
        self._tell_viewers(refreshed)
        return refreshed > 0

    def _tell_viewers(self, refreshed: int) -> None:
        """Told also where no viewer came: it is the sign that a worker lives."""
        now = datetime.now(UTC)
        count, told_at = self._done.get(VIEWERS, (0, now))
        self._done[VIEWERS] = count + refreshed, told_at
        if not timedelta() <= now - told_at < SIGN_EVERY:  # also after the clock was set back
            self._tell(VIEWERS, Report(f"{count + refreshed:,} viewers since {told_at:%H:%M:%S} UTC"), every=SIGN_EVERY)
            self._done[VIEWERS] = 0, now

    def _tidy(self) -> bool:
        """Forget jobs that were done long ago; there is never a hurry."""
        if time.monotonic() >= self._tidy_from:
            self._tidy_from = time.monotonic() + TIDY_EVERY_SECONDS
            with transaction(self._engine) as connection:
                forget_done(connection, before=datetime.now(UTC) - DONE_KEPT_FOR)
        return False


def work(settings: Settings, *, stop: Callable[[], bool], once: bool) -> None:
    """Work until `stop` says so; with `once`, until nothing waits."""
    worker = Worker(settings, once=once)
    try:
        while not stop():
            if not worker.step():
                if once:
                    return
                time.sleep(IDLE_SECONDS)
    finally:
        worker.close()
