"""Off-policy evaluation of one target over a log: numbers, or the reason why not. Knows no policy and no storage.

`Evaluator` is streaming and mergeable: a log evaluated in parts, on one machine or many, gives what one pass gives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bandit.ope.batch import Batch
from bandit.ope.diagnosis.diagnostics import DEFAULT_FLOOR, Diagnostics, estimate_to_json
from bandit.ope.diagnosis.faults import Refusal, RowFaults
from bandit.ope.diagnosis.verdict import refusals, warnings
from bandit.ope.estimators.difference import Difference
from bandit.ope.estimators.estimator import Estimate, Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.replay import Replay
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.terms import TermSums


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a log says about a target. Where there are refusals there are no estimates.

    `rows` were read; `viewers` is None where the log does not know them. `differences` are of the target less the
    baseline on the same rows, empty where the log has none. `diagnostics` are plain numbers, see docs/evaluation.md.
    """

    rows: int
    viewers: int | None
    estimates: tuple[Estimate, ...]
    diagnostics: dict[str, Any]
    refusals: tuple[Refusal, ...]
    differences: tuple[Estimate, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether there are reasons instead of numbers."""
        return bool(self.refusals)

    def estimate(self, estimator: str) -> Estimate | None:
        """The estimate of this estimator ("snips", "ips", "replay"), or None where it was not made."""
        return next((one for one in self.estimates if one.estimator == estimator), None)

    def difference(self, estimator: str) -> Estimate | None:
        """The paired difference to the baseline by this estimator, or None where it was not made."""
        return next((one for one in self.differences if one.estimator == estimator), None)

    def to_json(self) -> dict[str, Any]:
        """The object that `keyart evaluate --json` prints."""
        differences = [estimate_to_json(difference) for difference in self.differences]
        return {
            "rows": self.rows,
            "viewers": self.viewers,
            "estimates": [estimate_to_json(estimate) for estimate in self.estimates],
            **({"differences": differences} if differences else {}),
            "diagnostics": self.diagnostics,
            "refusals": [refusal.to_json() for refusal in self.refusals],
        }


class Evaluator:
    """Takes a log in batches, or in parts that are added up."""

    def __init__(self, *, floor: float = DEFAULT_FLOOR, baseline: bool = False) -> None:
        """`floor`: target probability on artworks that were logged with less is reported as barely supported.

        `baseline`: whether the batches know the probabilities of a policy that the target is compared with.
        """
        self._baseline = baseline
        self._estimators: tuple[Estimator, ...] = (Replay(), IPS(), SNIPS())
        self._differences = tuple(Difference(one) for one in self._estimators[1:]) if baseline else ()
        self._faults = RowFaults()
        self._diagnostics = Diagnostics(floor=floor)
        self._sums = TermSums(term for one in (*self._estimators, *self._differences) for term in one.terms)

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch; faulty ones are counted and named, not summed.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        sound = self._faults.add(batch)
        rows = batch if sound.all() else batch.select(sound)
        self._diagnostics.add(rows)
        self._sums.add(rows)

    def __add__(self, other: "Evaluator") -> "Evaluator":
        both = Evaluator(floor=self._diagnostics.floor, baseline=self._baseline)
        both._faults = self._faults + other._faults
        both._diagnostics = self._diagnostics + other._diagnostics
        both._sums = self._sums + other._sums
        return both

    def result(self, *, level: float = 0.95) -> Evaluation:
        """Numbers with intervals of `level`, or refusals."""
        found = self._faults.refusals() or refusals(self._diagnostics)
        return Evaluation(
            rows=self._faults.rows,
            viewers=len(self._diagnostics.viewers) or None,
            estimates=() if found else self._results(self._applicable(), level),
            differences=() if found else self._results(self._differences, level),
            diagnostics={
                **self._diagnostics.to_json(level=level),
                "warnings": [warning.to_json() for warning in warnings(self._diagnostics)],
            },
            refusals=tuple(found),
        )

    def _applicable(self) -> tuple[Estimator, ...]:
        return self._estimators if self._diagnostics.weights.one_propensity else self._estimators[1:]

    def _results(self, estimators: Iterable[Estimator], level: float) -> tuple[Estimate, ...]:
        return tuple(one.reading(self._sums).result(level) for one in estimators)


def evaluate(batches: Iterable[Batch], *, level: float = 0.95, floor: float = DEFAULT_FLOOR) -> Evaluation:
    """Evaluate a target over a log in one pass; `batches` hold the log's rows with the target's probabilities.

    Raises:
        InvalidExample: some rows of this log name a viewer and some do not.
        ValueError: the level is not inside (0, 1).
    """
    evaluator = Evaluator(floor=floor)
    for batch in batches:
        evaluator.add(batch)
    return evaluator.result(level=level)
