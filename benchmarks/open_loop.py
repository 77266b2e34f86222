"""An open-loop load: requests leave at moments planned before, whatever the answers do; latency counts from the plan.

`python -m benchmarks.open_loop URL --rate 500 --body pages.jsonl` is the command. It knows no route: bodies are lines
of a file. A run that could not keep its own plan, or that the server could not follow, is refused and not reported.
"""

import argparse
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

import numpy as np

from benchmarks.connections import Connections
from benchmarks.serving import LOAD_CORE, Target, on_cores

Arrivals = Literal["poisson", "constant"]

CONNECTIONS = 256
LATE_MS = 2.0
"""A generator whose own delay reaches this at its 99th percentile measures itself."""
FOLLOWED_SHARE = 0.97
ERROR_SHARE = 0.001
FEWEST = 1000
DRAIN_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be sent: so many requests a second for so long, from at most so many connections."""

    rate: float
    seconds: float
    arrivals: Arrivals = "poisson"
    connections: int = CONNECTIONS
    seed: int = 0

    def moments(self) -> np.ndarray:
        """The intended send times, seconds from the start, ascending, float64, shape (n,)."""
        if self.arrivals == "constant":
            return np.arange(int(self.rate * self.seconds)) / self.rate
        gaps = np.random.default_rng(self.seed).exponential(1 / self.rate, size=round(self.rate * self.seconds))
        return np.cumsum(gaps)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of a plan. Latencies are milliseconds from the intended send time to the last byte of an answer 200.

    `late_p99` is the generator's own delay, over requests that a connection was free for; waiting for a connection is
    the server's and counts as latency. `refused` says why none of the other numbers may be quoted.
    """

    rate: float
    achieved: float
    requests: int
    p50: float
    p90: float
    p99: float
    max: float
    late_p99: float
    errors: dict[str, int]
    refused: str | None


@dataclass(slots=True)
class _Record:
    """Per request, in seconds: due when, sent how late, answered when (NaN: unknown, or not answered 200)."""

    due: np.ndarray
    late: np.ndarray
    done: np.ndarray
    errors: Counter[str]


def open_loop(target: Target, body_of: Callable[[int], bytes], plan: Plan, *, host: str = "127.0.0.1") -> Measured:
    """Carry out a plan from `LOAD_CORE`; `body_of(n)` is the body of the n-th request."""
    due = plan.moments()
    record = _Record(due, np.full(len(due), np.nan), np.full(len(due), np.nan), Counter())
    collecting = gc.isenabled()
    gc.disable()  # a collection would delay what is due
    try:
        with on_cores(LOAD_CORE), Connections(host, target.port, limit=plan.connections) as connections:
            _carry_out(connections, record, lambda number: target.request(body_of(number)))
    finally:
        if collecting:
            gc.enable()
    return _measured(plan, record)


def _carry_out(connections: Connections, record: _Record, request_of: Callable[[int], bytes]) -> None:
    due = record.due.tolist()
    sent, waited, prepared = 0, False, request_of(0)
    began = time.perf_counter() + 0.05
    until = began + due[-1] + DRAIN_SECONDS
    while (now := time.perf_counter()) < until and (sent < len(due) or connections.in_flight):
        while sent < len(due) and began + due[sent] <= now and connections.free():
            connections.send(sent, prepared)
            if not waited:
                record.late[sent] = now - began - due[sent]
            sent, waited = sent + 1, False
            prepared = request_of(sent) if sent < len(due) else b""
            now = time.perf_counter()
        blocked = sent < len(due) and not connections.free()
        waited = waited or blocked
        pause = until - now if blocked or sent == len(due) else began + due[sent] - now
        for answer in connections.wait(max(0.0, pause)):
            if answer.status == 200:
                record.done[answer.number] = answer.at - began
            else:
                record.errors[str(answer.status or "broken")] += 1
    if unanswered := len(due) - sent + connections.in_flight:
        record.errors["unanswered"] = unanswered


def _measured(plan: Plan, record: _Record) -> Measured:
    answered = record.done[~np.isnan(record.done)]
    latencies = 1000 * (record.done - record.due)[~np.isnan(record.done)]
    p50, p90, p99, most = np.percentile(latencies, [50, 90, 99, 100]) if len(latencies) else [np.nan] * 4
    late = record.late[~np.isnan(record.late)]
    late_p99 = 1000 * float(np.percentile(late, 99)) if len(late) else 0.0
    intended = len(record.due) / record.due[-1]
    achieved = len(answered) / answered.max() if len(answered) else 0.0
    return Measured(
        rate=round(plan.rate, 1),
        achieved=round(float(achieved), 1),
        requests=len(record.due),
        p50=round(float(p50), 3),
        p90=round(float(p90), 3),
        p99=round(float(p99), 3),
        max=round(float(most), 3),
        late_p99=round(late_p99, 3),
        errors=dict(record.errors),
        refused=_refusal(record, late_p99=late_p99, followed=achieved / intended),
    )


def _refusal(record: _Record, *, late_p99: float, followed: float) -> str | None:
    errors, requests = sum(record.errors.values()), len(record.due)
    if requests < FEWEST:
        return f"{requests} requests are too few for a 99th percentile; send at least {FEWEST}."
    if errors > ERROR_SHARE * requests:
        return f"{errors} of {requests} requests failed ({dict(record.errors)}); a fast error is no fast answer."
    if late_p99 > LATE_MS:
        return f"The generator itself was {late_p99:.2f} ms late at its 99th percentile: its core is not free for it."
    if followed < FOLLOWED_SHARE:
        return f"The server followed only {followed:.0%} of the rate: its queue grew, and so would every percentile."
    return None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_loop", description=__doc__)
    parser.add_argument("url", help="where to post, such as http://127.0.0.1:8000/v1/select")
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="for how long (%(default)s)")
    parser.add_argument("--arrivals", choices=get_args(Arrivals), default="poisson", help="how they come (%(default)s)")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="at most so many (%(default)s)")
    parser.add_argument("--body", type=Path, required=True, help="a file of JSON bodies, one a line, sent in turn")
    parser.add_argument("--key", default="", help="sent as Authorization: Bearer KEY")
    parser.add_argument("--seed", type=int, default=0, help="of the arrivals (%(default)s)")
    options = parser.parse_args(arguments)
    if urlsplit(options.url).scheme != "http" or not urlsplit(options.url).hostname:
        parser.error("the URL must begin with http://HOST; put the generator behind what ends TLS")
    if not (options.rate > 0 and options.seconds > 0 and options.connections > 0):
        parser.error("--rate, --seconds and --connections must be greater than 0")
    if not options.body.is_file() or not options.body.read_bytes().strip():
        parser.error(f"{options.body} is no file with a body a line")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print one JSON object, and return 0, or 3 where the result is refused."""
    options = _parse(arguments)
    url = urlsplit(options.url)
    bodies = options.body.read_bytes().splitlines()
    plan = Plan(
        rate=options.rate,
        seconds=options.seconds,
        arrivals=options.arrivals,
        connections=options.connections,
        seed=options.seed,
    )
    target = Target(port=url.port or 80, path=url.path or "/", key=options.key)
    measured = open_loop(target, lambda number: bodies[number % len(bodies)], plan, host=url.hostname or "")
    print(json.dumps(asdict(measured)))
    return 0 if measured.refused is None else 3


if __name__ == "__main__":
    sys.exit(main())
