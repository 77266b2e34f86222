"""Pages a second of POST /v1/select, durable and decided by a learned version, against a route that does nothing.

The peer is a FastAPI route on the same server and core, an `async` one, that checks the same body and answers constant
bytes of the same size; two more are slower, as FastAPI's routes often are (`benchmarks.serving.with_constant_route`).
The server is pinned to one core and the load to another; rounds of all take turns.
"""

import functools
import statistics
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.installation import TITLE_IDS, VIEWER_IDS, install
from benchmarks.load import throughput
from benchmarks.serving import PEERS, Target, check_durable, pinned_server, postgresql

ROUNDS, SECONDS = 5, 3.0


def run() -> list[dict[str, Any]]:
    """Return `select_http_ratio` and its variants: our pages/s over each peer's, medians of one run; on SQLite."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        return _compare("select_http_ratio", Path(folder))


def run_postgresql() -> list[dict[str, Any]]:
    """Return `select_http_ratio_postgresql`: the same on PostgreSQL, whose processes share the load's core."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder, postgresql() as url:
        return _compare("select_http_ratio_postgresql", Path(folder), database_url=url)


def select_body(number: int) -> bytes:
    """The body of the n-th page: 40 titles × 6 artworks, viewers in turn."""
    return _body_of(VIEWER_IDS[number % len(VIEWER_IDS)])


@functools.cache
def _body_of(viewer: str) -> bytes:
    titles = [{"title": title, "position": place, "score": 1.5} for place, title in enumerate(TITLE_IDS)]
    context = {"device": "tv", "row": "recommended"}
    return msgspec.json.encode({"viewer": viewer, "context": context, "titles": titles})


def constant_target(select: Target, peer: str = "constant") -> Target:
    """A peer of a select route (`benchmarks.serving.PEERS`): it answers about as many bytes as that does."""
    return Target(port=select.port, path=f"/{peer}/{len(select.post(select_body(0)))}")


def _compare(name: str, home: Path, *, database_url: str | None = None) -> list[dict[str, Any]]:
    install(home, database_url=database_url)
    with pinned_server(home, database_url=database_url) as port:
        rates = _rounds(Target(port=port, path="/v1/select"))
        check_durable(port)
    ours = rates.pop("select")
    return [
        {
            "name": name if peer == "constant" else f"{name}:{peer}",
            "value": round(ours),
            "unit": "pages/s",
            "peer": round(theirs),
            "ratio": round(ours / theirs, 3),
            "n": ROUNDS,
        }
        for peer, theirs in rates.items()
    ]


def _rounds(select: Target) -> dict[str, float]:
    """Answers a second of `select` and of each peer, taking turns: medians over the rounds."""
    targets = {"select": select, **{peer: constant_target(select, peer) for peer in PEERS}}
    for target in targets.values():
        throughput(target, select_body, seconds=1.0)
    rates: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(ROUNDS):
        for name, target in targets.items():
            rates[name].append(throughput(target, select_body, seconds=SECONDS)[0])
    return {name: statistics.median(each) for name, each in rates.items()}
