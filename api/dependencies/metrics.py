"""Counters and latencies for Prometheus, one registry an application. Knows no route."""

from collections.abc import Iterable
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from api.dependencies.shadow import ShadowObserver
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


class _ShadowCollector(Collector):
    """What a shadow version would have stated, read when asked for."""

    def __init__(self, shadow: ShadowObserver) -> None:
        self._shadow = shadow

    def collect(self) -> Iterable[Metric]:
        figures = self._shadow.figures()
        sums = {
            "pages": (figures.pages, "Pages that the shadow version was asked about."),
            "slots": (figures.slots, "Slots that the shadow version was asked about."),
            "chosen": (figures.chosen, "Sum of the shadow's probabilities of the artworks that were drawn."),
            "distance": (figures.distance, "Sum of total variation distances between the shadow and the live policy."),
            "seconds": (figures.seconds, "Time that the shadow took."),
            "failures": (figures.failures, "Pages that the shadow could state nothing for."),
            "dropped": (figures.dropped, "Pages that came faster than the shadow could be asked."),
        }
        for name, (value, meaning) in sums.items():
            counted = CounterMetricFamily(f"keyart_shadow_{name}", meaning, labels=["policy"])
            counted.add_metric([figures.version or ""], value)
            yield counted


class Metrics:
    """What an operator watches. Issued decisions split by `logged` and `reason`; received outcomes by `fate`."""

    def __init__(self, log: DecisionLog, shadow: ShadowObserver) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_LogCollector(log))
        self._registry.register(_ShadowCollector(shadow))
        self.decisions = Counter("keyart_decisions", "Decisions issued.", ["reason", "logged"], registry=self._registry)
        self.outcomes = Counter("keyart_outcomes", "Outcomes received.", ["fate"], registry=self._registry)
        self.events = Counter("keyart_events", "Events received.", ["fate"], registry=self._registry)
        self.select_seconds = Histogram(
            "keyart_select_seconds", "Time to decide and log a page.", buckets=SELECT_BUCKETS, registry=self._registry
        )

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
