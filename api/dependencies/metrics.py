"""Counters and latencies for Prometheus, one registry an application. Knows no route."""

from collections.abc import Iterable
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from api.storage.decision_log import DecisionLog

SELECT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class _LogCollector(Collector):
    """What became of the pages that the decision log was given, read when asked for."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def collect(self) -> Iterable[Metric]:
        pages = CounterMetricFamily("keyart_log_pages", "Pages given to the decision log.", labels=["fate"])
        counts = asdict(self._log.counts())
        commits = counts.pop("commits")
        for fate, count in counts.items():
            pages.add_metric([fate], count)
        yield pages
        yield CounterMetricFamily("keyart_log_commits", "Groups of pages committed.", value=commits)
        yield GaugeMetricFamily("keyart_log_waiting", "Pages that wait to be written.", value=self._log.waiting())


class Metrics:
    """What an operator watches. Issued decisions split by `logged` and `reason`; received outcomes by `fate`."""

    def __init__(self, log: DecisionLog) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_LogCollector(log))
        self.decisions = Counter("keyart_decisions", "Decisions issued.", ["reason", "logged"], registry=self._registry)
        self.outcomes = Counter("keyart_outcomes", "Outcomes received.", ["fate"], registry=self._registry)
        self.events = Counter("keyart_events", "Events received.", ["fate"], registry=self._registry)
        self.select_seconds = Histogram(
            "keyart_select_seconds", "Time to decide and log a page.", buckets=SELECT_BUCKETS, registry=self._registry
        )

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
