"""The job that values a target on a log that somebody brought: learn what must be learned, then evaluate part by part.

Knows no format (`api.jobs.logs`) and no installation. Every step is a pure function of one part of the log, so any
runner gives the same numbers.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from api.errors import BadInput
from api.jobs.logs.parts import LogPart, parts
from api.jobs.logs.rows import refuse_outside
from api.jobs.logs.table import LogTable
from api.jobs.target_words import COLUMN, WORDS, guarded, stated_target
from bandit.ope.batch import Batch, Mask
from bandit.ope.estimators.catalogue import allowed
from bandit.ope.evaluation import Evaluation, Evaluator, Question
from bandit.ope.models.bootstrap import Refits
from bandit.ope.models.model import RewardModel
from bandit.ope.preparing import Preparation
from bandit.ope.refitting import asked_refits, refitted
from bandit.ope.runner import Runner, Serial, added
from bandit.ope.segments import Cutting
from bandit.ope.stating import BASELINE, BASELINES, PREDICTIONS, TARGETS
from bandit.ope.targets.target import LearnedTarget, LoggingTarget, Target, UniformTarget


@dataclass(frozen=True, kw_only=True)
class TableOrder:
    """What is to be evaluated.

    `target` and `baseline` are words (docs/targets.md); without a target the log's column says it. `guards` is a file
    that acts on the target. `model` predicts rewards for the estimators that need them. With `every` estimator that
    the log allows, those of the question do not count.
    """

    table: LogTable
    target: str | None = None
    baseline: str | None = None
    guards: Path | None = None
    model: RewardModel | None = None
    question: Question = field(default_factory=Question)
    every: bool = True


def evaluate_table(
    order: TableOrder, runner: Runner | None = None, *, progress: Callable[[float], None] | None = None
) -> Evaluation:
    """Evaluate a log in parts.

    Raises:
        BadLog, BadInput: the log is not what is taken, or nothing can state such a target on a table.
        InvalidExample, NoEligibleKnown, RefusedFeature: a target or model cannot be stated on it.
    """
    runner = runner or Serial()
    cut, preparation = prepared(order, runner)
    told = None if order.model is None else added(runner.run(partial(_fit, order.model), cut))
    preparation = replace(preparation, model=None if told is None else told.fitted())
    question = _question(order, preparation, cut)
    evaluators = runner.run(partial(_evaluate, preparation, question), cut)
    found = added(_told(evaluators, len(cut), progress)).result()
    if told is None or found.refused:
        return found
    answers = added(runner.run(partial(_refit, preparation, asked_refits(told, question)), cut))
    return refitted(found, answers, question)


def prepared(order: TableOrder, runner: Runner) -> tuple[list[LogPart], Preparation]:
    """The parts of a log, and how their rows are stated; what must be learned for that is learned. Knows no model yet.

    Raises as `evaluate_table` does.
    """
    target, baseline = _named(order.target), _named(order.baseline)
    cut = _cut(order, target)
    target, baseline = (_learned(each, cut, runner) for each in (target, baseline))
    target = None if target is None else guarded(target, order.guards)
    return cut, Preparation(target=target, baseline=baseline)


def _question(order: TableOrder, preparation: Preparation, cut: list[LogPart]) -> Question:
    question = order.question
    baseline = order.baseline is not None or all(not {BASELINE, BASELINES}.isdisjoint(part.names) for part in cut)
    if order.every:
        carried = _hold(cut, PREDICTIONS, "artwork") and _lists(preparation.target, TARGETS, cut)
        predicted = order.model is not None or carried
        every = allowed(predicted=predicted, likeness=False, greatest_reward=question.greatest_reward)
        question = replace(question, estimators=every)
    segments = Cutting(dimensions=order.table.segments, baseline=baseline) if order.table.segments else None
    listed = _lists(preparation.baseline, BASELINES, cut)
    return replace(question, baseline=baseline, baseline_listed=listed, segments=segments)


def _lists(target: Target | None, column: str, cut: list[LogPart]) -> bool:
    """Whether each eligible artwork's probability is known: as a target states it, or in this column of the log."""
    told = column if target is None else "probabilities" if target.reads_logged else None
    return told is None or _hold(cut, told)


def _hold(cut: list[LogPart], *columns: str) -> bool:
    return all(set(columns) <= part.names.keys() for part in cut)


def _named(word: str | None) -> Target | None:
    if word is None or word == COLUMN:
        return None
    target = stated_target(word)
    if target is None:
        remedy = f"Use one of {WORDS}, or leave it out and give the column {COLUMN}."
        raise BadInput(f"A table cannot be scored by {word}.", remedy)
    return target


def _cut(order: TableOrder, target: Target | None) -> list[LogPart]:
    """The parts of the log; without the columns that the target needs it is refused before anything is read."""
    if target is None and order.guards is not None:
        raise BadInput("Guards need a target that is not a column.", f"Name one with --policy: {WORDS}.")
    cut = parts(order.table)
    needed = tuple(_needed(order, target, cut))
    return parts(replace(order.table, needed=needed)) if needed else cut


def _needed(order: TableOrder, target: Target | None, cut: list[LogPart]) -> Iterator[str]:
    """The columns without which a target could not be stated, nor a model be asked what it would earn."""
    asked = order.model is not None
    if target is None:
        yield TARGETS if asked or _hold(cut, TARGETS) else COLUMN
    elif not isinstance(target, LoggingTarget):
        yield "artworks"
    if asked or not (target is None or isinstance(target, LoggingTarget | UniformTarget)):
        yield "artwork"
    if target is not None and target.reads_logged and (asked or order.guards is not None):
        yield "probabilities"
    if order.question.pages:
        yield "page"


def _learned(target: Target | None, cut: list[LogPart], runner: Runner) -> Target | None:
    if not isinstance(target, LearnedTarget):
        return target
    told = added(runner.run(partial(_learn, target), cut))
    told.finish()
    return told


def _learn(target: LearnedTarget, part: LogPart) -> LearnedTarget:
    own = deepcopy(target)  # in one process all parts are given the same object
    for batch in _unvalued(part):
        own.add(batch)
    return own


def _fit(model: RewardModel, part: LogPart) -> RewardModel:
    own = deepcopy(model)
    for batch in _unvalued(part):
        own.add(batch)
    return own


def _refit(preparation: Preparation, answers: Refits, part: LogPart) -> Refits:
    own = deepcopy(answers)
    for logged in part.rows():
        batch = preparation.batch(logged)
        own.add(batch.select(_drawn(batch)))
    return own


def _unvalued(part: LogPart) -> Iterator[Batch]:
    for logged in part.rows():
        batch = Preparation().unvalued(logged)
        yield batch.select(_drawn(batch))


def _drawn(batch: Batch) -> Mask:
    """The rows that can be weighed; the others are named by the evaluation."""
    return np.isfinite(batch.reward) & (batch.propensity > 0.0) & (batch.propensity <= 1.0)


def _evaluate(preparation: Preparation, question: Question, part: LogPart) -> Evaluator:
    evaluator = Evaluator(question)
    for logged in part.rows():
        batch = preparation.batch(logged)
        if question.weight_range is not None:
            sound = batch.propensity > 0.0
            weights = batch.target[sound] / batch.propensity[sound]
            refuse_outside("weight", weights, logged.numbers[sound], within=question.weight_range)
        evaluator.add(batch)
    return evaluator


def _told(evaluators: Iterator[Evaluator], count: int, progress: Callable[[float], None] | None) -> Iterator[Evaluator]:
    for number, evaluator in enumerate(evaluators, start=1):
        if progress is not None:
            progress(number / count)
        yield evaluator
