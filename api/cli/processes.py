"""The long-running processes behind `keyart serve` and `keyart worker`, and how they end."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType

import uvicorn

from api.app import create_app
from api.cli.first_key import tell_first_key
from api.cli.replicas import serve_many
from api.dependencies.logs import tell
from api.dependencies.remembering import remembers_titles
from api.dependencies.services import open_lasting_services
from api.errors import BadSettings, NewerDatabase, StorageUnavailable
from api.settings import Settings
from api.storage.database import open_engine
from api.storage.migration import migrate, refuse_other_revision

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 10
_RESTART_AFTER_SECONDS = 2.0


def run_server(settings: Settings, *, host: str, port: int, with_worker: bool, processes: int = 1) -> None:
    """Serve until a signal ends the process; the requests under way are answered first.

    Raises:
        BadSettings: the address cannot be listened on.
        StorageUnavailable: the embedded database cannot be used, and no catalogue is remembered to show titles from.
    """
    listening = _bound(host, port)
    if settings.database_url.startswith("sqlite"):
        _bring_up(settings)
    tell_first_key(open_engine(settings.database_url), settings)
    # uvicorn raises the signal that ended it once more: without a handler that would skip what follows here.
    signal.signal(signal.SIGTERM, _stay)
    with _worker_beside(settings) if with_worker else nullcontext():
        tell(f"Keyart listens on http://{host}:{port}; open it in a browser and log in with a key")
        if processes > 1:
            serve_many(settings, listening=listening, processes=processes, drain_seconds=DRAIN_SECONDS)
        else:
            _serve_here(settings, listening)


def _bring_up(settings: Settings) -> None:
    """Migrate the embedded database, or go on trying beside the server where that can show titles without it (C8)."""
    try:
        migrate(open_engine(settings.database_url))
    except NewerDatabase:
        raise
    except StorageUnavailable as error:
        if not remembers_titles(settings):
            raise
        tell(f"Default artworks are shown until the database can be used: {error}")
        threading.Thread(target=_bring_up_later, args=(settings,), name="keyart-migration", daemon=True).start()


def _bring_up_later(settings: Settings) -> None:
    engine = open_engine(settings.database_url)
    while True:
        time.sleep(_RESTART_AFTER_SECONDS)
        with suppress(StorageUnavailable):
            migrate(engine)
            return


def _serve_here(settings: Settings, listening: socket.socket) -> None:
    app = create_app(settings, services=open_lasting_services)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=DRAIN_SECONDS)
    uvicorn.Server(config).run(sockets=[listening])


def _bound(host: str, port: int) -> socket.socket:
    """Take the port before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        remedy = "Choose another with --host and --port."
        why = os.strerror(error.errno) if error.errno else str(error)
        raise BadSettings(f"The server cannot listen on {host}:{port}: {why}.", remedy) from error


def run_worker(settings: Settings, *, once: bool, parent: int | None = None) -> None:
    """Work until SIGTERM or SIGINT, or until process `parent` is gone; the job under way is finished first."""
    from api.jobs.worker import work

    if once:  # who works on and on waits until the database can be used; who began at four in the morning must not
        refuse_other_revision(open_engine(settings.database_url))
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    work(settings, stop=lambda: stop.is_set() or (parent is not None and os.getppid() != parent), once=once)


def _stay(number: int, frame: FrameType | None) -> None:
    """Let what follows the server's end be done."""


@contextmanager
def _worker_beside(settings: Settings) -> Generator[None]:
    """Keep one worker process running, since the web process never loads an embedding model."""
    ending = threading.Event()
    keeper = threading.Thread(target=_keep_worker, args=(settings, ending), name="keyart-worker-keeper")
    keeper.start()
    try:
        yield
    finally:
        ending.set()
        keeper.join()


def _keep_worker(settings: Settings, ending: threading.Event) -> None:
    command = [sys.executable, "-m", "api.cli", "worker", "--home", str(settings.home), "--parent", str(os.getpid())]
    while not ending.is_set():
        process = subprocess.Popen(command)  # noqa: S603 (our own command)
        while process.poll() is None and not ending.wait(0.2):
            pass
        if process.poll() is None:
            process.terminate()
            process.wait()
        elif not ending.wait(_RESTART_AFTER_SECONDS):
            logger.error("the worker ended with code %s and is started again", process.returncode)
