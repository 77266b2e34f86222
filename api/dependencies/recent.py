"""What this process answered in the last five minutes: how quickly, how often it failed, what it could not log.

Reads its own counters now and then and keeps the differences, so that an operator without a Prometheus sees what is
wrong now rather than since the start. Knows no route but that of pages.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import Counter, Histogram

from api.dependencies.metrics import Metrics

EVERY_SECONDS = 10.0
KEPT = 31
"""Five minutes' ends."""
PAGES_ROUTE = "/v1/select"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Counters at one moment. `buckets` counts answers of the pages' route by the seconds that they took at most."""

    at: float
    buckets: Mapping[float, float] = field(default_factory=dict[float, float])
    failed: float = 0.0
    decisions: float = 0.0
    unlogged: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """The last `seconds` of a process: pages answered, requests of all routes that failed (5xx), decisions.

    `median` and `slowest` bound the seconds of a page: half, and 99 in 100, took no longer. None: there was no page,
    or it took longer than all bounds.
    """

    seconds: float
    pages: int
    failed: int
    decisions: int
    unlogged: int
    median: float | None
    slowest: float | None

    @property
    def unlogged_share(self) -> float | None:
        """The share of decisions that were answered with `logged: false`."""
        return self.unlogged / self.decisions if self.decisions else None


class RecentFigures:
    """Call `note` now and then; safe to read from any thread."""

    def __init__(self, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: deque[Counted] = deque([Counted(at=clock())], maxlen=KEPT)

    def note(self) -> None:
        """Keep the counters as they are, if it was not done a moment ago."""
        with self._lock:
            if self._clock() - self._kept[-1].at >= EVERY_SECONDS:
                self._kept.append(count(self._metrics, at=self._clock()))

    def look(self) -> Recent:
        """What came since the oldest counters that are kept."""
        with self._lock:
            return between(self._kept[0], count(self._metrics, at=self._clock()))


def count(metrics: Metrics, *, at: float) -> Counted:
    """Read the counters."""
    decisions = list(_samples(metrics.decisions, "keyart_decisions_total"))
    return Counted(
        at=at,
        buckets={
            float(labels["le"]): value
            for labels, value in _samples(metrics.requests.seconds, "keyart_http_request_seconds_bucket")
            if labels["route"] == PAGES_ROUTE and labels["method"] == "POST"
        },
        failed=sum(
            value
            for labels, value in _samples(metrics.requests.requests, "keyart_http_requests_total")
            if labels["status"].startswith("5")
        ),
        decisions=sum(value for _, value in decisions),
        unlogged=sum(value for labels, value in decisions if labels["logged"] == "false"),
    )


def between(first: Counted, last: Counted) -> Recent:
    """What was counted from one moment to another."""
    buckets = [(bound, last.buckets[bound] - first.buckets.get(bound, 0.0)) for bound in sorted(last.buckets)]
    return Recent(
        seconds=last.at - first.at,
        pages=int(buckets[-1][1]) if buckets else 0,
        failed=int(last.failed - first.failed),
        decisions=int(last.decisions - first.decisions),
        unlogged=int(last.unlogged - first.unlogged),
        median=_bound(buckets, 0.5),
        slowest=_bound(buckets, 0.99),
    )


def _bound(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """The smallest bound that so many of the answers kept within."""
    if not buckets or not buckets[-1][1]:
        return None
    wanted = share * buckets[-1][1]
    found = next(bound for bound, within in buckets if within >= wanted)
    return None if found == float("inf") else found


def _samples(metric: Counter | Histogram, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value) for family in metric.collect() for sample in family.samples if sample.name == name
    ]
