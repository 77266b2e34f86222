"""What is not counted here but read when Prometheus asks: the decision log, the shadow, the database. Knows no route.

What the database says is true of the whole installation, whichever server is asked; the rest of this process alone.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from api.dependencies.breaker import GuardedReads
from api.dependencies.shadow import ShadowObserver
from api.dependencies.troubles import KINDS, Look, last_sign, look_at, troubles_of
from api.errors import StorageUnavailable
from api.storage.alarms import open_alarms
from api.storage.decision_log import DecisionLog
from api.storage.due import count_due
from api.storage.lag import count_jobs
from api.storage.policies import standing
from api.storage.stages import Stage
from api.storage.tallies import Conservation

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""However often someone asks, the database is read once in so many seconds."""


class LogCollector(Collector):
    """What became of the pages that the decision log was given."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        pages = CounterMetricFamily("keyart_log_pages", "Pages given to the decision log, by fate.", labels=["fate"])
        counts = asdict(self._log.counts())
        commits = counts.pop("commits")
        for fate, count in counts.items():
            pages.add_metric([fate], count)
        yield pages
        yield CounterMetricFamily("keyart_log_commits", "Groups of pages committed.", value=commits)
        yield GaugeMetricFamily("keyart_log_waiting_pages", "Pages that wait to be written.", value=self._log.waiting())


class ShadowCollector(Collector):
    """What a shadow version would have stated."""

    def __init__(self, shadow: ShadowObserver) -> None:
        self._shadow = shadow

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        figures = self._shadow.figures()
        sums = {
            "pages": (figures.pages, "Pages that the shadow version was asked about."),
            "slots": (figures.slots, "Slots that the shadow version was asked about."),
            "chosen": (figures.chosen, "Sum of the shadow's probabilities of the artworks that were drawn."),
            "distance": (figures.distance, "Sum of total variation distances between the shadow and the live policy."),
            "seconds": (figures.seconds, "Seconds that the shadow took."),
            "live_seconds": (figures.live_seconds, "Seconds that the live policy took for the same pages."),
            "slow": (figures.slow, "Pages that took the shadow longer than a page may."),
            "failures": (figures.failures, "Pages that the shadow could state nothing for."),
            "dropped": (figures.dropped, "Pages that came too fast for the shadow, or whose viewer could not be read."),
        }
        for name, (value, meaning) in sums.items():
            counted = CounterMetricFamily(f"keyart_shadow_{name}", meaning, labels=["policy"])
            counted.add_metric([figures.version or ""], value)
            yield counted


class InstallationCollector(Collector):
    """What the database says: alarms, versions on stage, what waits. Without it, only that it does not answer."""

    def __init__(self, reads: GuardedReads, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reads = reads
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._known: Sequence[Metric] = ()
        self._up = False

    def describe(self) -> Iterable[Metric]:
        """Name nothing, so that registering does not read the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        with self._lock:
            if self._clock() - self._read_at >= FRESH_SECONDS:
                self._read()
            yield GaugeMetricFamily("keyart_database_up", "1 while the database answers.", value=self._up)
            yield from self._known

    def _read(self) -> None:
        try:
            with self._reads.reading() as connection:
                self._known = _installation(connection, datetime.now(UTC))
            self._up = True
        except StorageUnavailable as error:
            logger.warning("metrics of the database cannot be read: %s", error)
            self._known, self._up = (), False
        self._read_at = self._clock()


def _installation(connection: Connection, now: datetime) -> list[Metric]:
    look = look_at(connection, now=now)
    lag = 0.0 if look.due_since is None else (now - look.due_since).total_seconds()
    return [
        *_conservation(look.counts),
        *_of_workers(look, now),
        _stages(connection),
        _alarms(connection),
        GaugeMetricFamily("keyart_join_lag_seconds", "How long the page that waits longest is due.", value=lag),
        GaugeMetricFamily(
            "keyart_join_due_pages", "Pages that are due for rewards.", value=count_due(connection, now=now)
        ),
        _labelled("keyart_jobs", "Jobs that wait, run, or failed for good.", "state", {**count_jobs(connection)}),
    ]


def _of_workers(look: Look, now: datetime) -> list[Metric]:
    """Whether somebody does the work behind the pages. The counts of troubles are there before the first one is."""
    troubles = dict.fromkeys(KINDS, 0)
    for each in troubles_of(look, now=now):
        troubles[each.kind] += 1
    overdue = {each.job: (now - each.next_at).total_seconds() for each in look.jobs if each.next_at and not each.owner}
    silence = GaugeMetricFamily("keyart_worker_silence_seconds", "Seconds since any worker was last heard of.")
    if (sign := last_sign(look.jobs, now=now)) is not None:
        silence.add_metric([], max(0.0, (now - sign).total_seconds()))
    return [
        silence,
        _labelled("keyart_troubles", "What is wrong now, by kind.", "kind", troubles),
        _labelled(
            "keyart_job_failures_in_a_row",
            "Runs of a job that failed since the last that did not.",
            "job",
            {each.job: each.failures_in_a_row for each in look.jobs},
        ),
        _labelled(
            "keyart_job_overdue_seconds",
            "For how long a job that nobody holds should have run.",
            "job",
            {job: max(0.0, seconds) for job, seconds in overdue.items()},
        ),
    ]


def _stages(connection: Connection) -> Metric:
    family = GaugeMetricFamily("keyart_policy_stage", "1 for each version on a stage.", labels=["version", "stage"])
    now = standing(connection)
    family.add_metric([now.live, Stage.LIVE], 1)
    if now.canary is not None:
        family.add_metric([now.canary.version, Stage.CANARY], 1)
    if now.shadow is not None:
        family.add_metric([now.shadow, Stage.SHADOW], 1)
    return family


def _conservation(counted: Conservation) -> list[Metric]:
    """The two sums of C5. `lost` is what is in no state: 0, or something is wrong."""
    decisions = ("issued", "open", "rewarded", "defaulted", "unseen", "unlogged")
    outcomes = ("received", "matched", "waiting", "duplicate", "late", "rejected")
    return [
        _labelled(
            "keyart_conservation_decisions",
            "Decisions of the log, by state (C5).",
            "state",
            {**{name: getattr(counted, name) for name in decisions}, "lost": counted.lost_decisions},
        ),
        _labelled(
            "keyart_conservation_outcomes",
            "Outcomes, by state (C5).",
            "state",
            {**{name: getattr(counted, name) for name in outcomes}, "lost": counted.lost_outcomes},
        ),
    ]


def _alarms(connection: Connection) -> Metric:
    counts: dict[str, int] = {}
    for alarm in open_alarms(connection):
        counts[alarm.kind] = counts.get(alarm.kind, 0) + 1
    return _labelled("keyart_alarms_open", "Alarms that are open, by kind.", "kind", counts)


def _labelled(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
