"""Every estimator against the golden vector, and against what must hold for all of them."""

import math
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Floats, Predicted
from bandit.ope.estimators.catalogue import KINDS, allowed
from bandit.ope.estimators.clipped_ips import ClippedIPS
from bandit.ope.estimators.difference import Difference
from bandit.ope.estimators.direct_method import DirectMethod
from bandit.ope.estimators.doubly_robust import DoublyRobust
from bandit.ope.estimators.dros import DRos
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.grid import GridEstimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.ix import ImplicitExploration
from bandit.ope.estimators.log_smoothing import LogSmoothing
from bandit.ope.estimators.marginalised import MIPS
from bandit.ope.estimators.on_policy import LoggingMean, MeanWeight
from bandit.ope.estimators.pessimistic import Pessimistic
from bandit.ope.estimators.replay import Replay
from bandit.ope.estimators.sndr import SelfNormalisedDoublyRobust
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.estimators.switch_dr import SwitchDR
from bandit.ope.intervals.interval import Method, NotEstimable

VALUING = list(KINDS)
ALL = [*VALUING, LoggingMean, MeanWeight]
COMPARED = [kind for kind in KINDS if kind.comparable]
MODELLED = [kind for kind in KINDS if kind.needs_predictions]


def over(kind: type[Estimator], *batches: Batch) -> Estimator:
    """An estimator that took in these batches, one after another."""
    estimator = kind()
    for batch in batches:
        estimator.add(batch)
    return estimator


def pieces(batch: Batch, *bounds: int) -> list[Batch]:
    """The batch cut at these rows."""
    rows = np.arange(len(batch))
    edges = [0, *bounds, len(batch)]
    return [batch.select((rows >= low) & (rows < high)) for low, high in pairwise(edges)]


def test_golden_values(golden: Batch) -> None:
    assert over(MeanWeight, golden).estimate() == pytest.approx(2.295833333333333, abs=1e-12)
    assert over(IPS, golden).estimate() == pytest.approx(0.845833333333333, abs=1e-12)
    assert over(SNIPS, golden).estimate() == pytest.approx(7 / 19, abs=1e-12)
    interval = over(IPS, golden).interval(0.95)
    assert interval.method is Method.NORMAL
    assert interval.low == pytest.approx(0.123218611759906, abs=1e-12)
    assert interval.high == pytest.approx(1.568448054906760, abs=1e-12)


@pytest.mark.parametrize(
    ("estimator", "value"),
    [
        (DirectMethod(), 0.4675),
        (DoublyRobust(), 0.220138888888889),
        (SelfNormalisedDoublyRobust(), 0.359756503327284),
        (ClippedIPS(2.0), 0.623611111111111),
        (SwitchDR(2.0), 0.466805555555556),
        (DRos(2.0), 0.472140162772532),
    ],
    ids=lambda one: one.name if isinstance(one, Estimator) else "",
)
def test_golden_values_with_a_reward_model(estimator: Estimator, value: float, golden: Batch) -> None:
    estimator.add(golden)
    assert estimator.estimate() == pytest.approx(value, abs=1e-12)


def test_golden_replay_by_hand(golden: Batch) -> None:
    agreed = 0.2 + 1.0 + 0.3 + 1.0 + 0.5 + 0.8
    assert over(Replay, golden).estimate() == pytest.approx(agreed / float(golden.target.sum()), abs=1e-12)


@pytest.mark.parametrize("kind", ALL)
def test_parts_added_equal_the_whole(kind: type[Estimator], crowd: Batch) -> None:
    whole = over(kind, crowd)
    one, two, three = (over(kind, piece) for piece in pieces(crowd, 17, 2000))
    streamed = over(kind, *pieces(crowd, 1, 2, 900))
    for parted in (one + two + three, three + one + two, streamed, kind() + whole):
        assert parted.rows == 3000
        assert parted.estimate() == pytest.approx(whole.estimate(), abs=1e-12)
        for method in Method:
            assert parted.standard_error(method=method) == pytest.approx(whole.standard_error(method=method), abs=1e-12)


@pytest.mark.parametrize("kind", ALL)
def test_adding_leaves_the_parts_as_they_were(kind: type[Estimator], crowd: Batch) -> None:
    first, second = (over(kind, piece) for piece in pieces(crowd, 1000))
    before = first.estimate(), first.standard_error(), first.rows
    both = first + second
    both.add(crowd)
    assert (first.estimate(), first.standard_error(), first.rows) == before


# What no target earns by its own weights alone: a model's mean, and estimates that are lower on purpose.
UNWEIGHTED = (DirectMethod, LogSmoothing, ImplicitExploration)


@pytest.mark.parametrize("kind", [kind for kind in VALUING if kind not in UNWEIGHTED])
def test_the_logging_policy_as_target_earns_the_mean_reward(kind: type[Estimator], crowd: Batch) -> None:
    # Replay is consistent on uniform logs only, so it is given one; a model's part is 0 only on average.
    logged = np.full(3000, 0.25) if kind is Replay else crowd.propensity
    itself = replace(unpredicted(crowd), propensity=logged, target=logged)
    assert itself.eligible is not None
    itself = replace(itself, eligible=replace(itself.eligible, target=itself.eligible.logged))
    estimator = untouched(kind, itself)
    assert estimator.estimate() == pytest.approx(float(crowd.reward.mean()), abs=1e-12)
    assert estimator.standard_error() == pytest.approx(over(LoggingMean, crowd).standard_error(), abs=1e-12)


def untouched(kind: type[Estimator], batch: Batch) -> Estimator:
    """The estimator over the batch, with weights as they are: nothing clipped, switched or shrunk."""
    estimator = kind(math.inf) if issubclass(kind, GridEstimator) else kind()
    estimator.add(batch)
    return estimator


@pytest.mark.parametrize(
    ("modelled", "plain"),
    [(DoublyRobust, IPS), (SelfNormalisedDoublyRobust, SNIPS), (SwitchDR, IPS), (DRos, IPS)],
)
def test_a_model_that_foresees_nothing_changes_nothing(
    modelled: type[Estimator], plain: type[Estimator], crowd: Batch
) -> None:
    empty = unpredicted(crowd)
    estimator = untouched(modelled, empty)
    assert estimator.estimate() == pytest.approx(over(plain, empty).estimate(), abs=1e-12)
    assert estimator.standard_error() == pytest.approx(over(plain, empty).standard_error(), abs=1e-12)


def unpredicted(batch: Batch) -> Batch:
    """The same rows with a model that foresees 0 whatever is shown."""
    return replace(batch, predicted=Predicted(shown=np.zeros(len(batch)), target=np.zeros(len(batch))))


@pytest.mark.parametrize("kind", [SNIPS, Replay, LoggingMean])
@pytest.mark.parametrize("constant", [1.0, 0.3, -2.5])
@pytest.mark.parametrize("method", list(Method))
def test_a_constant_reward_has_no_width(kind: type[Estimator], constant: float, method: Method, crowd: Batch) -> None:
    estimator = over(kind, *pieces(replace(crowd, reward=np.full(3000, constant)), 100, 1500))
    assert estimator.estimate() == pytest.approx(constant, abs=1e-12)
    interval = estimator.interval(method=method)
    assert interval.low == pytest.approx(constant, abs=1e-12)
    assert interval.high == pytest.approx(constant, abs=1e-12)


def test_halving_every_propensity_doubles_ips_and_leaves_snips(crowd: Batch) -> None:
    halved = replace(crowd, propensity=crowd.propensity / 2)
    assert over(IPS, halved).estimate() == pytest.approx(2 * over(IPS, crowd).estimate(), abs=1e-12)
    assert over(SNIPS, halved).estimate() == pytest.approx(over(SNIPS, crowd).estimate(), abs=1e-12)
    assert over(SNIPS, halved).standard_error() == pytest.approx(over(SNIPS, crowd).standard_error(), abs=1e-12)


def test_replay_is_snips_where_every_row_has_one_propensity(crowd: Batch) -> None:
    uniform = replace(crowd, propensity=np.full(3000, 0.25))
    assert over(Replay, uniform).estimate() == pytest.approx(over(SNIPS, uniform).estimate(), abs=1e-12)


@pytest.mark.parametrize("kind", ALL)
def test_the_gradient_is_the_values_derivative(kind: type[Estimator]) -> None:
    estimator, step = kind(), 1e-6
    totals = np.linspace(3.0, 7.0, len(estimator.terms))
    if isinstance(estimator, Pessimistic):
        totals[1] = 0.0  # No reward outside its range.
    _, gradient = estimator.value(totals)
    for term in range(len(totals)):
        if isinstance(estimator, Pessimistic) and term == 1:
            continue
        moved = totals + step * np.eye(len(totals))[term]
        slope = (estimator.value(moved)[0] - estimator.value(totals)[0]) / step
        assert gradient[term] == pytest.approx(slope, rel=1e-5, abs=1e-8)


# A pessimistic value is less low the more rows there are, by intent.
@pytest.mark.parametrize("kind", [kind for kind in ALL if not issubclass(kind, Pessimistic)])
def test_a_log_repeated_is_no_new_evidence(kind: type[Estimator], crowd: Batch) -> None:
    once, thrice = over(kind, crowd), over(kind, crowd, crowd, crowd)
    assert thrice.estimate() == pytest.approx(once.estimate(), abs=1e-12)
    assert thrice.standard_error() == pytest.approx(once.standard_error(), rel=1e-9)


@pytest.mark.parametrize("kind", ALL)
def test_a_row_that_stands_for_three_counts_three_times(kind: type[Estimator], crowd: Batch) -> None:
    if issubclass(kind, Pessimistic):
        kind = partial(kind, 0.1)  # type: ignore[assignment]
    thinned = replace(crowd, kept=np.where(np.arange(3000) < 1000, 1 / 3, 1.0))
    first, rest = pieces(crowd, 1000)
    assert over(kind, thinned).estimate() == pytest.approx(over(kind, first, first, first, rest).estimate(), abs=1e-12)


@pytest.mark.parametrize("kind", [ClippedIPS, DirectMethod, SwitchDR, DRos, LogSmoothing, ImplicitExploration])
def test_a_value_with_a_bias_has_an_interval_that_holds_the_unbiased_one(kind: type[Estimator], crowd: Batch) -> None:
    estimator = over(kind, crowd)
    unbiased = DoublyRobust if kind.needs_predictions else IPS
    interval, held = estimator.interval(), over(unbiased, crowd).interval()
    assert interval.low <= held.low + 1e-12
    assert interval.high >= held.high - 1e-12
    assert interval.low <= estimator.estimate() <= interval.high


def beside(batch: Batch, *, baseline: Floats) -> Batch:
    """The batch with a baseline that gives the eligible artworks these probabilities (n, 4)."""
    eligible, predicted = batch.eligible, batch.predicted
    assert eligible is not None
    assert predicted is not None
    shown = baseline.ravel()[eligible.chosen]
    return replace(
        batch,
        baseline=shown,
        eligible=replace(eligible, baseline=baseline.ravel()),
        predicted=replace(predicted, baseline=np.linspace(0.0, 1.0, len(batch))),
    )


@pytest.mark.parametrize("kind", COMPARED)
def test_a_difference_is_that_of_the_two_values_in_one_pass_or_in_parts(kind: type[Estimator], crowd: Batch) -> None:
    uniform = beside(crowd, baseline=np.full((3000, 4), 0.25))
    whole = Difference(kind())
    whole.add(uniform)
    less = over(kind, uniform).estimate() - over(kind, uniform.against_baseline()).estimate()
    assert whole.estimate() == pytest.approx(less, abs=1e-12)
    one, two = Difference(kind()), Difference(kind())
    for part, piece in zip((one, two), pieces(uniform, 1234), strict=True):
        part.add(piece)
    assert (two + one).estimate() == pytest.approx(less, abs=1e-12)
    assert (two + one).standard_error() == pytest.approx(whole.standard_error(), abs=1e-12)
    chosen = whole.result().chosen
    assert {name.removeprefix("baseline_") for name in chosen if name != "rule"} == {
        name for name in over(kind, uniform).result().chosen if name != "rule"
    }


@pytest.mark.parametrize("kind", COMPARED)
def test_beside_itself_a_target_is_neither_better_nor_worse(kind: type[Estimator], crowd: Batch) -> None:
    eligible, predicted = crowd.eligible, crowd.predicted
    assert eligible is not None
    assert predicted is not None
    itself = replace(
        crowd,
        baseline=crowd.target,
        eligible=replace(eligible, baseline=eligible.target),
        predicted=replace(predicted, baseline=predicted.target),
    )
    difference = Difference(kind())
    difference.add(itself)
    interval = difference.interval()
    assert (difference.estimate(), interval.low, interval.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize("kind", MODELLED)
@pytest.mark.parametrize("method", [Method.NORMAL, Method.VIEWER_CLUSTERED])
def test_a_model_that_is_right_about_a_constant_reward_leaves_no_width(
    kind: type[Estimator], method: Method, crowd: Batch
) -> None:
    same = np.full(3000, 0.3)
    estimator = over(kind, replace(crowd, reward=same, predicted=Predicted(shown=same, target=same)))
    interval = estimator.interval(method=method)
    assert (estimator.estimate(), interval.low, interval.high) == pytest.approx((0.3, 0.3, 0.3), abs=1e-12)


def test_the_catalogue_gives_what_a_log_allows() -> None:
    plain = {kind.name for kind in allowed(predicted=False, likeness=False)}
    assert plain == {"replay", "ips", "snips", "clipped_ips", "log_smoothing", "ix"}
    assert {kind.name for kind in allowed(predicted=True, likeness=False)} - plain == {
        "dm", "dr", "sndr", "switch_dr", "dros"
    }  # fmt: skip
    assert {kind.name for kind in allowed(predicted=False, likeness=True)} - plain == {"mips"}
    assert all(kind.assumes for kind in KINDS)
    assert {kind.name for kind in KINDS if not kind.comparable} == {"replay", "log_smoothing", "ix"}


@pytest.mark.parametrize("kind", [*MODELLED, MIPS])
def test_what_a_batch_lacks_is_named(kind: type[Estimator], crowd: Batch) -> None:
    with pytest.raises(ValueError, match=r"predicted rewards|how alike"):
        kind().add(replace(crowd, predicted=None, eligible=None))


def test_rows_of_one_viewer_count_as_one(crowd: Batch) -> None:
    twice = Batch(
        propensity=np.tile(crowd.propensity, 2),
        target=np.tile(crowd.target, 2),
        reward=np.tile(crowd.reward, 2),
        viewers=np.tile(crowd.viewers, 2) if crowd.viewers is not None else None,
    )
    once_error = over(SNIPS, crowd).standard_error()
    assert over(SNIPS, twice).standard_error() == pytest.approx(once_error, rel=1e-12)
    assert over(SNIPS, twice).standard_error(method=Method.NORMAL) < 0.75 * once_error


def test_clustered_interval_by_hand() -> None:
    log = Batch(
        propensity=np.full(5, 0.5),
        target=np.full(5, 0.5),
        reward=np.array([1.0, 1.0, 0.0, 0.0, 1.0]),
        viewers=np.array([7, 7, 8, 8, 9], dtype=np.uint64),
    )
    residuals = np.array([2 - 2 * 0.6, 0 - 2 * 0.6, 1 - 0.6])
    error = np.sqrt((residuals**2).sum() * 3 / 2) / 5
    interval = over(IPS, log).interval(0.95)
    assert interval.method is Method.VIEWER_CLUSTERED
    # 4.302653: Student's t, 2 degrees of freedom, 97.5 %.
    assert interval.high - 0.6 == pytest.approx(4.30265273 * error, rel=1e-9)


def test_rows_with_and_without_viewers_are_refused_together(golden: Batch, crowd: Batch) -> None:
    estimator = over(IPS, golden)
    with pytest.raises(InvalidExample, match="every row its viewer"):
        estimator.add(crowd)
    with pytest.raises(InvalidExample):
        _ = over(IPS, golden) + over(IPS, crowd)


def test_what_cannot_be_known_has_no_number(golden: Batch) -> None:
    never = replace(golden, target=np.zeros(12))
    for estimator in (*(kind() for kind in VALUING), over(SNIPS, never), over(SelfNormalisedDoublyRobust, never)):
        with pytest.raises(NotEstimable):
            estimator.estimate()
    with pytest.raises(NotEstimable, match="at least two"):
        over(IPS, golden.select(np.arange(12) == 3)).interval()
    with pytest.raises(NotEstimable, match="0 viewers"):
        over(IPS, golden).interval(method=Method.VIEWER_CLUSTERED)
    with pytest.raises(ValueError, match="confidence level"):
        over(IPS, golden).interval(1.0)
