"""What routes are handed: everything that an installation needs open, made at start and closed at the end."""

import gc
import logging
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from api.dependencies.answers import RecentAnswers
from api.dependencies.breaker import GuardedReads
from api.dependencies.catalogue import CatalogueMirror
from api.dependencies.desk import PageDesk
from api.dependencies.key_mirror import KeyMirror
from api.dependencies.late_titles import LateTitles
from api.dependencies.live_policy import LivePolicy
from api.dependencies.metrics import Metrics
from api.dependencies.one_secret import OneSecret
from api.dependencies.pages import Serving
from api.dependencies.rate_limits import RateLimits
from api.dependencies.recent import RecentFigures
from api.dependencies.remembering import CATALOGUE, KEYS, Memory
from api.dependencies.sessions import Sessions
from api.dependencies.shadow import ShadowObserver
from api.dependencies.unlogged import UnloggedTally
from api.errors import KeyartError, StorageUnavailable
from api.security import Keys, load_keys
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.database import Turns, open_engine
from api.storage.decision_log import DecisionLog
from artwork.sandbox import ImageSandbox

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
REFRESH_ANSWER_SECONDS = 5.0
"""How long a statement of a request, and one of what is kept fresh, may go without an answer."""

OBJECTS_A_COLLECTION = 20_000
"""A page makes some hundreds of objects that are gone with its answer; cycles among them are looked for seldom."""

LEAST_FREE_BYTES, LEAST_FREE_SHARE = 2**30, 0.05
"""With less room than both on the disk of the home an operator is told."""

UPLOADS_AT_ONCE = 8
"""Pictures that are checked or wait for it; a fraction of the threads that answer requests."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The open parts of an installation.

    `reads` is for what a page needs within its time budget, `engine` for everything else. `problems` says what the last
    refresh could not read, by part; `uploads` bounds the pictures that are being checked, and batches of outcomes are
    written by `outcome_turns`, so that pages do not wait behind dozens of them.
    """

    settings: Settings
    engine: Engine
    blobs: BlobStore
    keys: Keys
    sandbox: ImageSandbox
    log: DecisionLog
    reads: GuardedReads
    catalogue: CatalogueMirror
    live: LivePolicy
    shadow: ShadowObserver
    callers: KeyMirror
    sessions: Sessions
    limits: RateLimits
    metrics: Metrics
    recent: RecentFigures
    unlogged: UnloggedTally
    pages: PageDesk
    memory: Memory
    late_titles: LateTitles
    one_secret: OneSecret
    outcome_turns: Turns
    uploads: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(UPLOADS_AT_ONCE))
    problems: dict[str, str] = field(default_factory=dict[str, str])

    def refresh(self) -> None:
        """Bring the catalogue, the live policy and the keys up to date; what cannot be read stays as it was.

        Decisions that were not logged are written down.
        """
        self.recent.note()
        self._look_around()
        parts = (
            ("secret", self.one_secret),
            (KEYS, self.callers),
            ("policy", self.live),
            (CATALOGUE, self.catalogue),  # after the policy: what is remembered of it is in use until both are there
            ("unlogged", self.unlogged),
            ("shadow", self.shadow),
        )
        for name, part in parts:
            try:
                part.refresh()
                self.problems.pop(name, None)
                self.metrics.problems.labels(name).set(0)
            except KeyartError as error:
                if self.problems.get(name) != str(error):
                    logger.warning("the %s could not be refreshed: %s", name, error)
                self.problems[name] = str(error)
                self.metrics.problems.labels(name).set(1)

    def _look_around(self) -> None:
        """What refreshing does not meet: a log that cannot be written, a disk that is nearly full."""
        self._tell("log", self.log.failing)
        self._tell("disk", lack_of_space(self.settings.home))

    def _tell(self, part: str, problem: str | None) -> None:
        if problem is None:
            self.problems.pop(part, None)
        else:
            self.problems[part] = problem


def lack_of_space(folder: Path) -> str | None:
    """Say that the disk of a folder is nearly full; None while it is not."""
    try:
        used = shutil.disk_usage(folder)
    except OSError as error:
        return f"{folder} cannot be looked at: {error.strerror}."
    if used.free >= min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * used.total):
        return None
    free, remedy = f"{used.free / 2**20:,.0f} MiB", "Make room: pages, pictures and models cannot be written without."
    return f"The disk of KEYART_HOME has {free} left. {remedy}"


@contextmanager
def open_services(settings: Settings, *, remembering: bool = False) -> Generator[Services]:
    """Open the parts of an installation, keep them fresh in the background, and close them at the end.

    The database may be down: titles are then shown, and keys known, from what a process that was `remembering` kept.
    """
    with _open_engines(settings) as engines:
        services = _services(settings, engines)
        services.refresh()
        for name in services.problems.keys() & {CATALOGUE, KEYS}:
            services.memory.recall(name)
        keep = services.memory.keep if remembering else _forget
        ending = threading.Event()
        told = (services, keep, ending)
        refresher = threading.Thread(target=_keep_fresh, args=told, name="keyart-refresh", daemon=True)
        refresher.start()
        try:
            yield services
        finally:
            ending.set()
            refresher.join()
            if remembering:
                services.memory.finish()
            services.pages.close()
            with suppress(StorageUnavailable):
                services.unlogged.refresh()
            services.shadow.close()
            with suppress(StorageUnavailable):
                services.shadow.tell()
            services.log.close()
            services.sandbox.close()


@dataclass(frozen=True, slots=True)
class _Engines:
    """`patient` for requests that may wait; pages, and what keeps them fresh, give up when a page's time is up."""

    patient: Engine
    hasty: Engine
    fresh: Engine


@contextmanager
def _open_engines(settings: Settings) -> Generator[_Engines]:
    url, budget = settings.database_url, settings.select_budget_ms / 1000
    engines = _Engines(
        open_engine(url, answer_seconds=ANSWER_SECONDS),
        open_engine(url, busy_seconds=budget, answer_seconds=budget),
        open_engine(url, busy_seconds=budget, answer_seconds=REFRESH_ANSWER_SECONDS),
    )
    try:
        yield engines
    finally:
        for engine in (engines.patient, engines.hasty, engines.fresh):
            engine.dispose()


def _services(settings: Settings, engines: _Engines) -> Services:
    blobs, keys = BlobStore(settings.blob_root), load_keys(settings)
    log, reads = DecisionLog(engines.patient), GuardedReads(engines.hasty)
    live, catalogue = LivePolicy(engines.fresh, blobs), CatalogueMirror(engines.fresh)
    shadow = ShadowObserver(live, reads, engine=engines.fresh, settings=settings)
    recent = RecentAnswers()
    callers, unlogged = KeyMirror(engines.fresh, settings), UnloggedTally(engines.fresh, recent, keys=keys)
    metrics = Metrics(log, shadow, GuardedReads(engines.fresh), unlogged=unlogged)
    serving = Serving(settings=settings, keys=keys, log=log, reads=reads, catalogue=catalogue, live=live, recent=recent)
    return Services(
        settings=settings,
        engine=engines.patient,
        blobs=blobs,
        keys=keys,
        sandbox=ImageSandbox(),
        log=log,
        reads=reads,
        catalogue=catalogue,
        live=live,
        shadow=shadow,
        callers=callers,
        sessions=Sessions(engines.patient, callers, settings),
        limits=RateLimits(settings),
        metrics=metrics,
        recent=RecentFigures(metrics),
        unlogged=unlogged,
        pages=PageDesk(serving, metrics=metrics, shadow=shadow),
        late_titles=LateTitles(catalogue),
        one_secret=OneSecret(engines.fresh, keys),
        outcome_turns=Turns(engines.patient),
        memory=Memory(settings, {CATALOGUE: catalogue, KEYS: callers}),
    )


@contextmanager
def open_lasting_services(settings: Settings) -> Generator[Services]:
    """Open the services of a process that serves until it ends, and keep the garbage collector from walking over them.

    The catalogue and what was imported are a million objects that stay. Walking over all of them, as the collector does
    now and then, would hold every page for a tenth of a second.
    """
    with open_services(settings, remembering=True) as services:
        gc.collect()
        gc.freeze()
        gc.set_threshold(OBJECTS_A_COLLECTION, *gc.get_threshold()[1:])
        yield services


def _forget() -> None:
    """A process that does not last leaves nothing for the next one."""


def _keep_fresh(services: Services, keep: Callable[[], None], ending: threading.Event) -> None:
    keep()
    while not ending.wait(services.settings.refresh_seconds):
        try:
            services.refresh()
            keep()
        except Exception:
            # The thread must outlive whatever it meets, or promotions would no longer be picked up.
            logger.exception("refreshing failed")
