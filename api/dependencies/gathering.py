"""The metrics of all server processes that share a port, told by whichever is asked. Knows no single metric.

Each process answers the others through a unix socket in a folder that they share, and each sample says by a label
`process` whose it is: sums are Prometheus' work (`sum without (process) (…)`), and nothing is lost when one restarts.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Client, Listener
from pathlib import Path

from anyio.to_thread import run_sync
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
_SUFFIX = ".metrics"
_METRICS = "/metrics"


class MetricsOfAll:
    """Answers /metrics for all processes of a folder, and the others when they ask; hands on everything else."""

    def __init__(self, app: ASGIApp, folder: Path, *, own: Callable[[], bytes]) -> None:
        """`own` gives this process's exposition in Prometheus' text format; a thread answers the others with it."""
        self._app = app
        self._folder = folder
        self._own = own
        self._listener = Listener(str(folder / f"{os.getpid()}{_SUFFIX}"), family="AF_UNIX", backlog=16)
        threading.Thread(target=self._tell_on, name="keyart-metrics", daemon=True).start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != _METRICS or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        body = await run_sync(gathered, self._folder)
        await Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")(scope, receive, send)

    def _tell_on(self) -> None:
        while True:
            try:
                with self._listener.accept() as asking:
                    asking.send_bytes(self._own())
            except Exception as error:
                # Whoever asks may be gone; the next one is to be answered all the same.
                logger.debug("metrics could not be told: %s", error)


def gathered(folder: Path) -> bytes:
    """Return what all processes of a folder count, in Prometheus' text format; those that died are left out."""
    told = {path.stem: text for path in sorted(folder.glob(f"*{_SUFFIX}")) if (text := _ask(path)) is not None}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Labelled(told))
    return generate_latest(registry)


def _ask(path: Path) -> str | None:
    try:
        with Client(str(path), family="AF_UNIX") as asked:
            return asked.recv_bytes().decode() if asked.poll(PATIENCE_SECONDS) else None
    except (EOFError, OSError):
        return None


class _Labelled(Collector):
    """The families of all processes by name, with one more label."""

    def __init__(self, told: dict[str, str]) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for process, text in self._told.items():
            for family in _parsed(text):
                whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    whole.samples.append(sample._replace(labels={**sample.labels, "process": process}))
        return families.values()


def _parsed(text: str) -> Iterator[Metric]:
    yield from text_string_to_metric_families(text)
