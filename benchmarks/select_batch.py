"""Pages a second of POST /v1/select:batch, durable and decided as live ones, against a route that does nothing.

A request asks for the pages of 125 viewers, 40 titles × 6 artworks each. The peer answers one constant page a request.
"""

import functools
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.installation import VIEWER_IDS, install
from benchmarks.load import throughput
from benchmarks.select_http import ROUNDS, SECONDS, constant_target, select_body
from benchmarks.serving import Target, check_durable, pinned_server

PAGES = 125
CONNECTIONS = 2


def run() -> list[dict[str, Any]]:
    """Return `select_batch_ratio`: our pages/s over the constant route's, medians of one run; on SQLite."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        home = Path(folder)
        install(home)
        with pinned_server(home) as port:
            ours, theirs = _rounds(Target(port=port, path="/v1/select:batch"), Target(port=port, path="/v1/select"))
            check_durable(port)
    return [
        {
            "name": "select_batch_ratio",
            "value": round(ours),
            "unit": "pages/s",
            "peer": round(theirs),
            "ratio": round(ours / theirs, 3),
            "n": ROUNDS,
        }
    ]


def batch_body(number: int) -> bytes:
    """The body of the n-th request: the next 125 viewers."""
    return _body_from(number * PAGES % len(VIEWER_IDS))


@functools.cache
def _body_from(first: int) -> bytes:
    pages = (select_body(first + index) for index in range(PAGES))
    return b'{"requests":[' + b",".join(pages) + b"]}"


def _rounds(batch: Target, select: Target) -> tuple[float, float]:
    constant = constant_target(select)
    throughput(batch, batch_body, seconds=1.0, connections=CONNECTIONS)
    throughput(constant, select_body, seconds=1.0)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(PAGES * throughput(batch, batch_body, seconds=SECONDS, connections=CONNECTIONS)[0])
        theirs.append(throughput(constant, select_body, seconds=SECONDS)[0])
    return statistics.median(ours), statistics.median(theirs)
