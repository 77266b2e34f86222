"""Off-policy evaluation of one target over a log: numbers, or the reason why not. Knows no policy and no storage.

`Evaluator` is streaming and mergeable: a log evaluated in parts, on one machine or many, gives what one pass gives.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bandit.ope.batch import Batch
from bandit.ope.compared import Segment, where_it_loses
from bandit.ope.diagnosis.assumed import assumptions
from bandit.ope.diagnosis.diagnostics import DEFAULT_FLOOR, DIAGNOSED, Diagnostics, Findings, estimate_to_json
from bandit.ope.diagnosis.faults import Refusal, RowFaults
from bandit.ope.diagnosis.verdict import GREATEST_REWARD, refusals
from bandit.ope.diagnosis.warned import warnings
from bandit.ope.estimators.difference import Difference
from bandit.ope.estimators.estimator import Estimate, Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.replay import Replay
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.intervals.bounds import Bounds, Range, Seen
from bandit.ope.intervals.interval import NotEstimable
from bandit.ope.intervals.rule import EVIDENCE, PAIRED_EVIDENCE, Ruling, intervals
from bandit.ope.pages import PageEvaluation, PageEvaluator
from bandit.ope.segments import Cutting, Segments
from bandit.ope.terms import Term, TermSums


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a log says about a target. Where there are refusals there are no estimates.

    `rows` were read; `viewers` is None where the log does not know them. `differences` are of the target less the
    baseline on the same rows, empty where the log has none. `segments` are None where they were not asked for, the
    worst first; so is `page`, what the target would earn a page. `diagnostics` are plain numbers, see
    docs/evaluation.md.
    """

    rows: int
    viewers: int | None
    estimates: tuple[Estimate, ...]
    diagnostics: dict[str, Any]
    refusals: tuple[Refusal, ...]
    differences: tuple[Estimate, ...] = ()
    segments: tuple[Segment, ...] | None = None
    page: PageEvaluation | None = None

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
            **({} if self.segments is None else {"segments": [segment.to_json() for segment in self.segments]}),
            **({} if self.page is None else {"page": self.page.to_json()}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a log.

    `estimators` value the target; those that a log cannot feed (`Estimator.needs_predictions`, `needs_likeness`) are
    left to the caller not to ask. `baseline`: whether the batches know the probabilities of a policy that the target
    is compared with, and `baseline_listed` whether those of every eligible artwork: without these, what needs
    predictions or likeness has no difference. `floor`: target probability on artworks that were logged with less is
    reported as barely supported. `reward_range` and `weight_range` are what no row can leave, where somebody knows it.
    `segments`: how the log is cut into segments; None where none are asked for. `pages`: whether to tell what the
    target would earn a page (`bandit.ope.pages`).
    """

    estimators: tuple[Estimator, ...] = (Replay(), IPS(), SNIPS())
    level: float = 0.95
    baseline: bool = False
    baseline_listed: bool = True
    floor: float = DEFAULT_FLOOR
    reward_range: Range | None = None
    weight_range: Range | None = None
    segments: Cutting | None = None
    pages: bool = False

    @property
    def greatest_reward(self) -> float:
        """The most that a decision can earn."""
        return GREATEST_REWARD if self.reward_range is None else self.reward_range[1]

    @property
    def differences(self) -> tuple[Estimator, ...]:
        """The paired differences, of the estimators that have any."""
        return tuple(Difference(one) for one in self.estimators if self._compares(one)) if self.baseline else ()

    def _compares(self, one: Estimator) -> bool:
        return one.comparable and (self.baseline_listed or not (one.needs_predictions or one.needs_likeness))

    @property
    def terms(self) -> Iterator[Term]:
        """All that must be summed to answer, some of it twice."""
        for estimator in (*self.estimators, *self.differences):
            yield from estimator.terms
        yield from PAIRED_EVIDENCE if self.baseline else EVIDENCE
        yield from DIAGNOSED


class Evaluator:
    """Takes a log in batches, or in parts that are added up."""

    def __init__(self, question: Question | None = None) -> None:
        self._question = question or Question()
        self._faults = RowFaults()
        self._diagnostics = Diagnostics(floor=self._question.floor)
        self._seen = Seen()
        self._sums = TermSums(self._question.terms)
        self._segments = Segments(self._question.segments)
        self._pages = PageEvaluator(baseline=self._question.baseline)

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch; faulty ones are counted and named, not summed.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not; or pages are asked for and rows do
                not name theirs, or do not lie side by side.
        """
        sound = self._faults.add(batch)
        rows = batch if sound.all() else batch.select(sound)
        self._diagnostics.add(rows)
        self._seen += Seen.of(rows)
        self._sums.add(rows)
        if self._question.segments is not None:
            self._segments.add(rows)
        if self._question.pages:
            self._pages.add(rows)

    def __add__(self, other: "Evaluator") -> "Evaluator":
        both = Evaluator(self._question)
        both._faults = self._faults + other._faults
        both._diagnostics = self._diagnostics + other._diagnostics
        both._seen = self._seen + other._seen
        both._sums = self._sums + other._sums
        both._segments = self._segments + other._segments
        both._pages = self._pages + other._pages
        return both

    def result(self) -> Evaluation:
        """Numbers with intervals, or refusals."""
        known = self._diagnostics.over(self._sums)
        found = self._faults.refusals() or refusals(known, greatest_reward=self._question.greatest_reward)
        bounds = self._seen.bounds(reward=self._question.reward_range, weight=self._question.weight_range)
        estimates = [] if found else list(self._ruled(self._applicable(known), EVIDENCE, bounds))
        differences = [] if found else list(self._ruled(self._question.differences, PAIRED_EVIDENCE, bounds))
        segments = self._read_segments(refused=bool(found))
        return Evaluation(
            rows=self._faults.rows,
            viewers=known.viewers or None,
            estimates=tuple(estimate for estimate, _ in estimates),
            differences=tuple(estimate for estimate, _ in differences),
            segments=segments,
            page=None if found or not self._question.pages else self._pages.result(level=self._question.level),
            diagnostics={
                **known.to_json(level=self._question.level, valued=not found),
                "interval_rule": self._why(estimates),
                **({"where_it_loses": where_it_loses(segments)} if segments else {}),
                "assumptions": assumptions(known),
                "warnings": [warning.to_json() for warning in warnings(known)],
            },
            refusals=tuple(found),
        )

    def _read_segments(self, *, refused: bool) -> tuple[Segment, ...] | None:
        if self._question.segments is None:
            return None
        return () if refused else self._segments.read(level=self._question.level)

    def _why(self, estimates: Sequence[tuple[Estimate, Ruling]]) -> str | None:
        """Why the interval is what it is: of SNIPS, which an analyst reads first, or of what there is."""
        said = {estimate.estimator: ruling.why for estimate, ruling in estimates}
        return said.get(SNIPS.name, next(iter(said.values()), None))

    def _applicable(self, known: Findings) -> Iterator[Estimator]:
        uniform = known.weights.one_propensity
        return (one for one in self._question.estimators if uniform or not isinstance(one, Replay))

    def _ruled(
        self, estimators: Iterable[Estimator], evidence: tuple[Term, ...], bounds: Bounds
    ) -> Iterator[tuple[Estimate, Ruling]]:
        """What each says; one that these rewards are nothing for (`bandit.ope.estimators.pessimistic`) is left out."""
        for estimator in estimators:
            with suppress(NotEstimable):
                yield self._ruling(estimator, evidence, bounds)

    def _ruling(self, estimator: Estimator, evidence: tuple[Term, ...], bounds: Bounds) -> tuple[Estimate, Ruling]:
        own = self._sums.of(estimator.terms)
        settled = estimator.settle(own)
        ruling = intervals(settled, own, evidence=self._sums.of(evidence), bounds=bounds, level=self._question.level)
        estimate = Estimate(
            estimator=estimator.name,
            value=settled.value,
            interval=ruling.intervals[0],
            intervals=ruling.intervals,
            chosen=settled.chosen,
        )
        return estimate, ruling


def evaluate(batches: Iterable[Batch], question: Question | None = None) -> Evaluation:
    """Evaluate a target over a log in one pass; `batches` hold the log's rows with the target's probabilities.

    Raises:
        InvalidExample: some rows of this log name a viewer and some do not.
        ValueError: the level is not inside (0, 1).
    """
    evaluator = Evaluator(question)
    for batch in batches:
        evaluator.add(batch)
    return evaluator.result()
