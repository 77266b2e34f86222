"""How long a page waits for POST /v1/select at 60 % load, against a route that does nothing at 60 % of its own.

Each load is an open loop of Poisson arrivals that counts from the intended send time. Rounds of the two take turns, and
a round that the generator refuses is made again.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.installation import install
from benchmarks.load import throughput
from benchmarks.open_loop import Measured, Plan, open_loop
from benchmarks.select_http import constant_target, select_body
from benchmarks.serving import Target, check_durable, pinned_server

LOAD_SHARE = 0.6
ROUNDS, SECONDS, THROUGHPUT_SECONDS = 5, 10.0, 4.0
ATTEMPTS = 3
FEWEST_REQUESTS = 2000


def run() -> list[dict[str, Any]]:
    """Return `select_http_p99_ratio`, ms of our p99 beside the constant route's, and `:p50`; medians over rounds.

    Raises:
        RuntimeError: the machine was too busy for latencies to be taken.
    """
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        home = Path(folder)
        install(home)
        with pinned_server(home) as port:
            select = Target(port=port, path="/v1/select")
            rounds = _rounds(select, constant_target(select))
            check_durable(port)
    return [_row("select_http_p99_ratio", rounds, "p99"), _row("select_http_p99_ratio:p50", rounds, "p50")]


def _rounds(select: Target, constant: Target) -> list[tuple[Measured, Measured]]:
    for warmed in (select, constant):
        throughput(warmed, select_body, seconds=1.0)
    rates = [throughput(each, select_body, seconds=THROUGHPUT_SECONDS)[0] for each in (select, constant)]
    return [
        (_measure(select, LOAD_SHARE * rates[0], seed), _measure(constant, LOAD_SHARE * rates[1], seed))
        for seed in range(ROUNDS)
    ]


def _measure(target: Target, rate: float, seed: int) -> Measured:
    seconds = max(SECONDS, FEWEST_REQUESTS / rate)
    why: str | None = None
    for attempt in range(ATTEMPTS):
        measured = open_loop(target, select_body, Plan(rate=rate, seconds=seconds, seed=seed + ROUNDS * attempt))
        why = measured.refused
        if why is None:
            return measured
    raise RuntimeError(f"{target.path} at {rate:.0f} requests/s: {why} End what else runs on this machine.")


def _row(name: str, rounds: list[tuple[Measured, Measured]], percentile: str) -> dict[str, Any]:
    ours, theirs = (statistics.median(getattr(each[side], percentile) for each in rounds) for side in (0, 1))
    rate, constant = rounds[0][0].rate, rounds[0][1].rate
    return {
        "name": name,
        "value": round(ours, 2),
        "unit": f"ms at {rate:.0f} pages/s (peer at {constant:.0f})",
        "peer": round(theirs, 2),
        "ratio": round(ours / theirs, 2),
        "n": ROUNDS,
    }
