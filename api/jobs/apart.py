"""Runs a job of the schedule in a process of its own, so that it may take long or die. Knows no schedule."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any

from api.dependencies.logs import log_to_stderr
from api.dependencies.traces import open_traces
from api.errors import KeyartError
from api.jobs.schedule import Report, Turn
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.database import open_engine, reading
from api.storage.leases import Lease, standings
from bandit.errors import BanditError
from foundation.errors import FoundationError

logger = logging.getLogger(__name__)

Run = Callable[[Turn], Report]

STOP_SECONDS = 5.0
_APART = multiprocessing.get_context("spawn")
"""A fork would share database connections and locks of threads that do not exist in it."""


class JobFailed(Exception):
    """A run did not do its work; the message says why, in one line."""


def turn_of(settings: Settings, name: str, *, now: datetime, lease: Lease | None = None) -> Turn:
    """Open what the job of this name is handed; `lease` is what it is held by."""
    engine = open_engine(settings.database_url)
    with reading(engine) as connection:
        others = standings(connection)
    memory = others[name].memory if name in others else dict[str, Any]()
    blobs = BlobStore(settings.blob_root)
    return Turn(settings=settings, engine=engine, blobs=blobs, now=now, memory=memory, others=others, lease=lease)


def run_here(settings: Settings, name: str, run: Run, *, lease: Lease | None = None) -> Report:
    """Run the job of this name, which is held by `lease`, in this process.

    Raises:
        JobFailed: it broke.
    """
    traces = open_traces(settings)
    try:
        turn = turn_of(settings, name, now=datetime.now(UTC), lease=lease)
        try:
            with traces.span(f"job {name}"):
                return run(turn)
        finally:
            turn.engine.dispose()
    except (KeyartError, BanditError, FoundationError) as error:
        raise JobFailed(" ".join(str(error).split())) from error
    except Exception as error:
        logger.exception("the job %s broke", name)
        raise JobFailed(f"{type(error).__name__}: {error}") from error
    finally:
        traces.close()


class Apart:
    """A job that runs in another process; ask `ended` now and then, and `stop` it when nobody wants it any more."""

    def __init__(self, settings: Settings, lease: Lease, run: Run) -> None:
        """`run` is a function of a module, so that the other process finds it; `lease` says of which job."""
        self._told, telling = _APART.Pipe(duplex=False)
        self._process = _APART.Process(target=_run, args=(settings, lease, run, telling), name=f"keyart-{lease.job}")
        self._process.start()
        telling.close()

    def ended(self) -> bool:
        """Whether the process has told what came of it, or died."""
        return self._told.poll() or not self._process.is_alive()

    def report(self) -> Report:
        """Return what the run did, once it has `ended`.

        Raises:
            JobFailed: it broke, or its process died.
        """
        try:
            told: Report | JobFailed = self._told.recv()
        except EOFError:
            self._process.join()
            how = f"Its process ended with code {self._process.exitcode}."
            raise JobFailed(f"{how} See that memory and disk suffice.") from None
        finally:
            self._told.close()
        self._process.join()
        if isinstance(told, JobFailed):
            raise told
        return told

    def stop(self) -> None:
        """End the process, whatever it is doing; what it wrote is whole or not there."""
        self._process.terminate()
        self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._told.close()


def _run(settings: Settings, lease: Lease, run: Run, telling: "Connection[Any, Any]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the worker too, which ends this process in order
    signal.signal(signal.SIGTERM, _leave)
    log_to_stderr(os.environ)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        told: Report | JobFailed = run_here(settings, lease.job, run, lease=lease)
    except JobFailed as error:
        told = JobFailed(str(error))
    telling.send(told)
    telling.close()


def _leave(number: int, frame: FrameType | None) -> None:
    """As an exception, so that whatever was started on the way is ended too."""
    sys.exit(128 + number)


def _die_with_parent() -> None:
    """A worker that was killed no longer beats for what runs here: another one may have begun the same."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
