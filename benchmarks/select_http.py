"""Pages a second of POST /v1/select, durable and decided by a learned version, against a route that does nothing.

The peer is a FastAPI route on the same server and core that checks the same body and answers constant bytes of the
same size. The server is pinned to one core and the load to another; rounds of the two take turns.
"""

import functools
import statistics
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.installation import TITLE_IDS, VIEWER_IDS, install
from benchmarks.load import throughput
from benchmarks.serving import Target, check_durable, pinned_server, postgresql

ROUNDS, SECONDS = 5, 4.0


def run() -> list[dict[str, Any]]:
    """Return `select_http_ratio`: our pages/s over the constant route's, medians of one run; on SQLite."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        return [_compare("select_http_ratio", Path(folder))]


def run_postgresql() -> list[dict[str, Any]]:
    """Return `select_http_ratio_postgresql`: the same on PostgreSQL, whose processes share the load's core."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder, postgresql() as url:
        return [_compare("select_http_ratio_postgresql", Path(folder), database_url=url)]


def select_body(number: int) -> bytes:
    """The body of the n-th page: 40 titles × 6 artworks, viewers in turn."""
    return _body_of(VIEWER_IDS[number % len(VIEWER_IDS)])


@functools.cache
def _body_of(viewer: str) -> bytes:
    titles = [{"title": title, "position": place, "score": 1.5} for place, title in enumerate(TITLE_IDS)]
    context = {"device": "tv", "row": "recommended"}
    return msgspec.json.encode({"viewer": viewer, "context": context, "titles": titles})


def constant_target(select: Target) -> Target:
    """The peer of a select route: it answers as many bytes as that does."""
    return Target(port=select.port, path=f"/constant/{len(select.post(select_body(0)))}")


def _compare(name: str, home: Path, *, database_url: str | None = None) -> dict[str, Any]:
    install(home, database_url=database_url)
    with pinned_server(home, database_url=database_url) as port:
        ours, theirs = _rounds(Target(port=port, path="/v1/select"))
        check_durable(port)
    return {
        "name": name,
        "value": round(ours),
        "unit": "pages/s",
        "peer": round(theirs),
        "ratio": round(ours / theirs, 3),
        "n": ROUNDS,
    }


def _rounds(select: Target) -> tuple[float, float]:
    constant = constant_target(select)
    for warmed in (select, constant):
        throughput(warmed, select_body, seconds=1.0)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(throughput(select, select_body, seconds=SECONDS)[0])
        theirs.append(throughput(constant, select_body, seconds=SECONDS)[0])
    return statistics.median(ours), statistics.median(theirs)
