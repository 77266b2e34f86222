"""Counters and latencies for Prometheus, one registry an application. Knows no route."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

SELECT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """What an operator watches. Issued decisions split by `logged` and `reason`; received outcomes by `fate` (C5)."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.decisions = Counter("keyart_decisions", "Decisions issued.", ["reason", "logged"], registry=self._registry)
        self.outcomes = Counter("keyart_outcomes", "Outcomes received.", ["fate"], registry=self._registry)
        self.events = Counter("keyart_events", "Events received.", ["fate"], registry=self._registry)
        self.select_seconds = Histogram(
            "keyart_select_seconds", "Time to decide and log a page.", buckets=SELECT_BUCKETS, registry=self._registry
        )

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
