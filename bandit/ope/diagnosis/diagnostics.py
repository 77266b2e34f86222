"""What an analyst must know before believing an estimate: overlap, support, calibration, baselines. No verdicts."""

from typing import Any

from bandit.ope.batch import Batch
from bandit.ope.diagnosis.calibration import Calibration
from bandit.ope.diagnosis.overlap import Support, Weights
from bandit.ope.estimators.estimator import Estimate, Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.on_policy import LoggingMean, MeanWeight
from bandit.ope.intervals.interval import Interval, Method, NotEstimable
from bandit.ope.viewers import ViewerSet

DEFAULT_FLOOR = 1e-3
"""Artworks that were logged with a smaller probability count as barely supported."""


class Diagnostics:
    """Streaming and mergeable, like the estimators. Takes sound rows only (`bandit.ope.diagnosis.faults`)."""

    def __init__(self, *, floor: float = DEFAULT_FLOOR) -> None:
        self.floor = floor
        self.weights = Weights()
        self.support = Support()
        self.calibration = Calibration()
        self.viewers = ViewerSet()
        self.logging = LoggingMean()
        self.mean_weight = MeanWeight()
        self.uniform = IPS()

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch."""
        if not len(batch):
            return
        self.weights += Weights.of(batch)
        self.support += Support.of(batch, floor=self.floor)
        self.logging.add(batch)
        self.mean_weight.add(batch)
        uniform = batch.against_uniform()
        if uniform is not None:
            self.uniform.add(uniform)
        if batch.viewers is not None:
            self.viewers.add(batch)
        if batch.eligible is not None:
            self.calibration.add(batch.eligible, stands_for=batch.stands_for)

    def __add__(self, other: "Diagnostics") -> "Diagnostics":
        both = Diagnostics(floor=self.floor)
        both.weights = self.weights + other.weights
        both.support = self.support + other.support
        both.calibration = self.calibration + other.calibration
        both.viewers = self.viewers + other.viewers
        both.logging = self.logging + other.logging
        both.mean_weight = self.mean_weight + other.mean_weight
        both.uniform = self.uniform + other.uniform
        return both

    def to_json(self, *, level: float) -> dict[str, Any]:
        """Plain numbers; None where something cannot be known from this log."""
        return {
            **self.weights.to_json(),
            "design_effect": self._design_effect(),
            "support": self.support.to_json(floor=self.floor),
            "calibration": self.calibration.to_json(),
            "baselines": {
                "logging": _estimate_json(self.logging, level=level),
                "uniform": None if self.support.never_logged else _estimate_json(self.uniform, level=level),
            },
        }

    def _design_effect(self) -> float | None:
        """By what factor the mean reward's variance grows because viewers repeat; None where that is unknown."""
        try:
            clustered = self.logging.standard_error(method=Method.VIEWER_CLUSTERED)
            by_row = self.logging.standard_error(method=Method.NORMAL)
        except NotEstimable:
            return None
        return (clustered / by_row) ** 2 if by_row else None


def estimate_to_json(estimate: Estimate) -> dict[str, Any]:
    """As on the wire: the interval to go by, then all that were made, and what a rule picked, where there is any."""
    return {
        "estimator": estimate.estimator,
        "value": estimate.value,
        "interval": _interval_json(estimate.interval),
        **({"intervals": [_interval_json(one) for one in estimate.intervals]} if estimate.intervals else {}),
        **({"chosen": dict(estimate.chosen)} if estimate.chosen else {}),
    }


def _interval_json(interval: Interval) -> dict[str, Any]:
    return {"method": interval.method.value, "low": interval.low, "high": interval.high, "level": interval.level}


def _estimate_json(estimator: Estimator, *, level: float) -> dict[str, Any] | None:
    try:
        return estimate_to_json(estimator.result(level))
    except NotEstimable:
        return None
