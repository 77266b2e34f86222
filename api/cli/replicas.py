"""Several server processes on one port: `keyart serve --workers N`. Knows no route.

The processes share the listening socket, so the system gives each connection to one that is free. Each follows the
catalogue and the deployments by itself, as a server on another machine would.
"""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from socket import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from api.app import create_app
from api.dependencies.gathering import MetricsOfAll
from api.dependencies.logs import log_to_stderr
from api.dependencies.services import Services, open_lasting_services
from api.settings import Settings

HUNG_SECONDS = 60
"""A process that does not say for so long that it lives is replaced; starting takes some seconds."""


def serve_many(settings: Settings, *, listening: socket, processes: int, drain_seconds: int) -> None:
    """Serve with so many processes until SIGTERM or SIGINT; each answers what is under way, then ends.

    One that dies is replaced. If one cannot start at all, the others end too.
    """
    with _shared_folder() as folder:
        config = uvicorn.Config(
            partial(replica, settings, folder),
            factory=True,
            workers=processes,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=drain_seconds,
            timeout_worker_healthcheck=HUNG_SECONDS,
        )
        Multiprocess(config, sockets=[listening]).run()


def replica(settings: Settings, folder: Path) -> ASGIApp:
    """Build the application of one of several processes, in that process."""
    log_to_stderr(os.environ)
    threading.Thread(target=_end_with_parent, name="keyart-parent", daemon=True).start()
    app = create_app(settings, services=open_lasting_services)

    def own() -> bytes:
        services: Services | None = getattr(app.state, "services", None)
        return b"" if services is None else services.metrics.exposition()

    return MetricsOfAll(app, folder, own=own)


def _end_with_parent() -> None:
    """Whoever starts them anew must find the port free."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _shared_folder() -> Generator[Path]:
    """A folder that nobody else can look into, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="keyart-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
