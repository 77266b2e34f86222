"""Counters for Prometheus, one registry an application. Knows no route. docs/metrics.md lists them."""

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.process_collector import ProcessCollector

from api.dependencies.breaker import GuardedReads
from api.dependencies.calibration import Calibration
from api.dependencies.collectors import InstallationCollector, LogCollector, ShadowCollector
from api.dependencies.issued import Issued, slots_by_reason
from api.dependencies.shadow import ShadowObserver
from api.dependencies.unlogged import UnloggedTally
from api.dependencies.watch import BUCKETS, RequestFigures
from api.storage.decision_log import DecisionLog

STAGES = ("wait", "decide", "log")


class Metrics:
    """What an operator watches. Issued decisions split by `logged` and `reason`; received outcomes by `fate`."""

    def __init__(
        self, log: DecisionLog, shadow: ShadowObserver, reads: GuardedReads, *, unlogged: UnloggedTally
    ) -> None:
        disable_created_metrics()  # when each series began is one more series for each
        self._unlogged = unlogged
        self._registry = registry = CollectorRegistry()
        for collector in (LogCollector(log), ShadowCollector(shadow), InstallationCollector(reads)):
            registry.register(collector)
        ProcessCollector(registry=registry)
        self.requests = RequestFigures(registry)
        stages = Histogram(
            "keyart_select_stage_seconds",
            "Seconds that a group of pages took in each stage.",
            ["stage"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.stages = {name: stages.labels(name) for name in STAGES}
        self.decisions = Counter("keyart_decisions", "Decisions issued.", ["reason", "logged"], registry=registry)
        self.pages = Counter("keyart_pages", "Pages issued.", ["rung", "logged"], registry=registry)
        self.kept = Gauge("keyart_kept_probability", "With which probability pages are logged now.", registry=registry)
        self.kept.set(1)
        self.calibration_slots = Counter("keyart_calibration_slots", "Drawn slots.", ["policy"], registry=registry)
        self.calibration_weight = Counter(
            "keyart_calibration_weight", "Sum of 1[a]/p over drawn slots.", ["policy"], registry=registry
        )
        self.calibration_squares = Counter(
            "keyart_calibration_squares", "Sum of squares of those weights.", ["policy"], registry=registry
        )
        self.outcomes = Counter("keyart_outcomes", "Outcomes received.", ["fate"], registry=registry)
        self.events = Counter("keyart_events", "Events received.", ["fate"], registry=registry)
        self.problems = Gauge("keyart_refresh_failing", "1 while a part cannot be read.", ["part"], registry=registry)
        for part in ("catalogue", "policy", "keys", "unlogged"):
            self.problems.labels(part)

    def issued(self, pages: Sequence[Issued], *, logged: bool) -> None:
        """Count pages that were answered; those that are `logged` enter the check of their probabilities too."""
        flag = "true" if logged else "false"
        reasons = slots_by_reason(pages)
        for rung, count in Tally([page.rung for page in pages]).items():
            self.pages.labels(rung, flag).inc(count)
        for reason, count in reasons.items():
            self.decisions.labels(reason, flag).inc(count)
        if not logged:
            self._unlogged.add(reasons.total())
            return
        self.kept.set(pages[-1].kept)
        for policy in {page.policy for page in pages}:
            sums = sum((page.calibration for page in pages if page.policy == policy), Calibration())
            if sums.slots:
                self.calibration_slots.labels(policy).inc(sums.slots)
                self.calibration_weight.labels(policy).inc(sums.weight)
                self.calibration_squares.labels(policy).inc(sums.squares)

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
