"""The job that values a policy from the decisions that others made, on rows that it did not learn from."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import tee
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from api.jobs.learning import VisibleRows
from api.jobs.log_segments import describing_of
from api.jobs.own_log import Scorer, visible_rows
from api.jobs.target_words import stated_target
from api.jobs.trusted import Measure
from api.storage.blobs import BlobStore
from api.storage.policies import BUILT_IN
from bandit.decision import RewardedDecision
from bandit.ope.batch import Batch
from bandit.ope.describing import Describing
from bandit.ope.estimators.catalogue import allowed
from bandit.ope.evaluation import Evaluation, Evaluator, Question
from bandit.ope.models.model import RewardModel
from bandit.ope.refitting import asked_refits, refitted
from bandit.ope.scoring import beside
from bandit.ope.segments import Cutting
from bandit.watch.entropy import EntropySums, entropy_terms


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An evaluation, which rows it was made on, and how many were left out since a picture had no vector.

    `shown` says how many decisions would have shown each artwork (title/artwork), on average, `entropy` how much of
    them would have been left to chance (`bandit.watch.entropy`); None where no row had two artworks.
    """

    evaluation: Evaluation
    rows: str
    skipped: int = 0
    shown: Mapping[str, float] = field(default_factory=dict[str, float])
    entropy: float | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A target's evaluation, with its paired difference to a baseline, and the baseline's own on the same rows."""

    own: Evaluated
    baseline: Evaluated


@dataclass(frozen=True, kw_only=True)
class OwnOrder:
    """What is to be evaluated on this installation's log.

    `target` and `baseline` are versions or other words (docs/targets.md), `guards` a file that acts on the target.
    `measure` says under which definition decisions are valued, and how many of a viewer's count in a day. `model`
    predicts rewards for the estimators that need them. Of `question` the bounds count: all estimators are asked that
    the log allows, the level is that of `measure`, and whether there is a baseline is seen from the rest. `segments`
    are dimensions that tell where the target wins and loses (`bandit.ope.describing`). With `since`, only what was
    decided after that moment counts.
    """

    target: str
    baseline: str | None = None
    guards: Path | None = None
    model: RewardModel | None = None
    measure: Measure = field(default_factory=Measure)
    question: Question = field(default_factory=Question)
    segments: tuple[str, ...] = ()
    since: datetime | None = None

    def asked(self, *, baseline: bool, likeness: bool) -> Question:
        """What is asked of the rows, beside a baseline or not, which know how alike pictures are or not."""
        predicted, greatest = self.model is not None, self.question.greatest_reward
        return replace(
            self.question,
            estimators=allowed(predicted=predicted, likeness=likeness, greatest_reward=greatest),
            level=self.measure.level,
            baseline=baseline,
            segments=Cutting(dimensions=self.segments, baseline=baseline) if self.segments else None,
        )

    @property
    def of_a_version(self) -> bool:
        """Whether a learned version is valued as it is, and so for the gate, beside what is live."""
        as_it_is = self.baseline is None and self.guards is None
        return as_it_is and self.target not in BUILT_IN and stated_target(self.target) is None


@dataclass
class Counted:
    """What a policy's probabilities of each artwork add up to, its entropy and its evaluation, as batches pass."""

    evaluator: Evaluator
    shown: dict[str, float] = field(default_factory=dict[str, float], init=False)
    chance: EntropySums = field(default_factory=EntropySums, init=False)

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch."""
        self.evaluator.add(batch)
        if batch.eligible is not None:
            mass = batch.eligible.target * np.repeat(batch.stands_for, batch.eligible.counts)
            sums = np.bincount(batch.eligible.artworks, mass, len(batch.eligible.names))
            for name, count in zip(batch.eligible.names, sums.tolist(), strict=True):
                self.shown[name] = self.shown.get(name, 0.0) + count
            self.chance.add(batch.eligible.row_sums(entropy_terms(batch.eligible.target)), batch.eligible.counts)

    def evaluated(self, rows: str, *, skipped: int) -> Evaluated:
        """What was found; `rows` says which rows were taken, `skipped` how many were left out."""
        return Evaluated(self.evaluator.result(), rows, skipped, self.shown, self.chance.mean)


def evaluate_own(engine: Engine, blobs: BlobStore, order: OwnOrder) -> Evaluated:
    """Value a target from this installation's own log.

    A learned version is valued with the vectors that it was learned on, whatever is live now, and only on viewers that
    learning held out, and on what was logged after it: on the rows that it learned from, any policy looks better than
    it is.

    Raises:
        UnknownVersion: there is no such version.
        DamagedFile, MissingFile, Conflict: it cannot be loaded whole.
        BadInput, InvalidExample: a rule or guard cannot be read, or cannot be kept.
    """
    own = Scorer(engine, blobs, order.target, guards=order.guards, alike=True)
    if order.baseline is not None:
        return compare(own, Scorer(engine, blobs, order.baseline), order=order).own
    return _evaluated(own, None, order)[0]


def compare(own: Scorer, other: Scorer, *, order: OwnOrder) -> Compared:
    """Value a target beside a baseline on the same rows, those that `evaluate_own` takes."""
    return Compared(*_evaluated(own, other, order))


def _evaluated(own: Scorer, other: Scorer | None, order: OwnOrder) -> list[Evaluated]:
    """The target's evaluation, then the baseline's where there is one."""
    log = _Log(own, other, order, describing_of(own.engine) if order.segments else Describing())
    for scorer in (own, other):
        if scorer is not None:
            scorer.learn(lambda: log.rows()[-1])
    told = _told(order.model, log)
    fitted = None if told is None else told.fitted()
    question = order.asked(baseline=other is not None, likeness=own.tells_likeness)
    counting = [Counted(Evaluator(question))]
    if other is not None:
        counting.append(Counted(Evaluator(_of_baseline(question))))
    left = log.rows()
    for batch in log.batches(left[-1]):
        predicted = batch if fitted is None else fitted.predict(batch)
        counting[0].add(predicted)
        for baseline in counting[1:]:
            baseline.add(predicted.against_baseline())
    skipped = sum(each.skipped for each in left)
    first, *rest = [counted.evaluated(own.rows_said, skipped=skipped) for counted in counting]
    return [_refitted(first, told, log, question), *rest]


def _of_baseline(question: Question) -> Question:
    """What is asked of the baseline alone: that of the target, but for what compares the two."""
    return replace(question, baseline=False, segments=None, pages=False)


@dataclass(frozen=True, slots=True)
class _Log:
    """The rows of an evaluation, read as often as it takes."""

    own: Scorer
    other: Scorer | None
    order: OwnOrder
    describing: Describing

    def rows(self) -> tuple[VisibleRows, ...]:
        """See `visible_rows`."""
        return visible_rows(self.own, self.other, self.order.measure, since=self.order.since)

    def batches(self, rows: Iterable[RewardedDecision] | None = None) -> Iterator[Batch]:
        """These rows, or all anew, with the probabilities of both."""
        rows = self.rows()[-1] if rows is None else rows
        if self.other is None:
            return self.own.batches(rows, describing=self.describing)
        # Both take the rows in step, some thousand at a time, so what waits for the slower one is little.
        first, second = tee(rows)
        return beside(self.own.batches(first, describing=self.describing), self.other.batches(second))


def _told(model: RewardModel | None, log: _Log) -> RewardModel | None:
    """The model, told the whole log."""
    told = deepcopy(model)
    if told is not None:
        for batch in log.batches():
            told.add(batch)
    return told


def _refitted(evaluated: Evaluated, told: RewardModel | None, log: _Log, question: Question) -> Evaluated:
    if told is None or evaluated.evaluation.refused:
        return evaluated
    answers = asked_refits(told, question)
    for batch in log.batches():
        answers.add(batch)
    return replace(evaluated, evaluation=refitted(evaluated.evaluation, answers, question))
