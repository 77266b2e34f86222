"""Pages a second of POST /v1/select, durable and decided by a learned version, against a route that does nothing.

The peer is a FastAPI route on the same server and core that checks the same body and answers constant bytes of the
same size. The server is pinned to one core and the load to another; rounds of the two take turns.
`python -m benchmarks.select_http --serve HOME --port N` is the server process.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI, Response

from api.app import create_app
from api.routes.select import SelectBody
from api.settings import load_settings
from benchmarks.installation import TITLE_IDS, VIEWER_IDS, install
from benchmarks.load import throughput

ROUNDS, SECONDS = 5, 4.0
SERVER_CORE, LOAD_CORE = 0, 1


def run() -> list[dict[str, Any]]:
    """Return the one measurement, `select_http_ratio`: our pages/s over the constant route's, medians of one run."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        home = Path(folder)
        install(home)
        with _pinned_server(home) as port:
            ours, theirs = _rounds(port)
    return [
        {
            "name": "select_http_ratio",
            "value": round(ours),
            "unit": "pages/s",
            "peer": round(theirs),
            "ratio": round(ours / theirs, 3),
            "n": ROUNDS,
        }
    ]


def _rounds(port: int) -> tuple[float, float]:
    size = len(httpx.post(f"http://127.0.0.1:{port}/v1/select", content=_body(0), headers=_JSON, timeout=30).content)
    constant = f"/constant/{size}"
    os.sched_setaffinity(0, {LOAD_CORE} if (os.cpu_count() or 1) > 1 else {0})
    throughput(port, _body, path="/v1/select", seconds=1.0)
    throughput(port, _body, path=constant, seconds=1.0)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(throughput(port, _body, path="/v1/select", seconds=SECONDS)[0])
        theirs.append(throughput(port, _body, path=constant, seconds=SECONDS)[0])
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return statistics.median(ours), statistics.median(theirs)


_JSON = {"Content-Type": "application/json"}


def _body(number: int) -> bytes:
    titles = [{"title": title, "position": place, "score": 1.5} for place, title in enumerate(TITLE_IDS)]
    context = {"device": "tv", "row": "recommended"}
    return msgspec.json.encode({"viewer": VIEWER_IDS[number % len(VIEWER_IDS)], "context": context, "titles": titles})


@contextmanager
def _pinned_server(home: Path) -> Generator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.select_http", "--serve", str(home), "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError("the server under measurement did not start")


def _with_constant_route(app: FastAPI) -> FastAPI:
    answers: dict[int, bytes] = {}

    @app.post("/constant/{size}")
    def constant(size: int, body: SelectBody) -> Response:
        filler = answers.setdefault(size, b'{"filler":"' + b"x" * (size - 13) + b'"}')
        return Response(filler, media_type="application/json")

    return app


def _serve() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, {SERVER_CORE})
    app = _with_constant_route(create_app(load_settings(home=options.serve)))
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    _serve()
