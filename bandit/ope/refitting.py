"""An evaluation whose intervals also hold the error of the reward model, by fitting it again. Knows no file.

The spread of rows around a fitted model says nothing of how else the model could have come out. So estimates that rest
on one are given the interval of a bootstrap that fits it anew over buckets of viewers, stretched to hold the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bandit.ope.estimators.estimator import Estimate, Estimator
from bandit.ope.evaluation import Evaluation, Question
from bandit.ope.intervals.interval import NotEstimable
from bandit.ope.models.bootstrap import Refits, refits
from bandit.ope.models.model import RewardModel


def asked_refits(model: RewardModel, question: Question) -> Refits:
    """What takes in the log once more: the model fitted anew in each replicate, for all that rests on it.

    Raises as `bandit.ope.models.bootstrap.refits` does.
    """
    asked = (_resting_on_it(question.estimators), _resting_on_it(question.differences))
    return refits(model, [one for each in asked for one in each.values()])


def refitted(evaluation: Evaluation, answers: Refits, question: Question) -> Evaluation:
    """The evaluation with intervals that hold the model's error; as it is where viewers are too few to draw anew."""
    own, level = _resting_on_it(question.estimators), question.level
    apart = _resting_on_it(question.differences)
    return replace(
        evaluation,
        estimates=tuple(_with_refits(each, own.get(each.estimator), answers, level) for each in evaluation.estimates),
        differences=tuple(
            _with_refits(each, apart.get(each.estimator), answers, level) for each in evaluation.differences
        ),
    )


def _resting_on_it(estimators: Sequence[Estimator]) -> Mapping[str, Estimator]:
    return {one.name: one for one in estimators if one.needs_predictions}


def _with_refits(estimate: Estimate, estimator: Estimator | None, answers: Refits, level: float) -> Estimate:
    if estimator is None:
        return estimate
    try:
        drawn = answers.interval(estimator, level=level, chosen=estimate.chosen)
    except NotEstimable:
        return estimate
    wide = drawn.holding(estimate.interval)
    return replace(estimate, interval=wide, intervals=(wide, *estimate.intervals))
