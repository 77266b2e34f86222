"""Refitting in replicates: one pass says what asking every model says, and the interval holds the model's error."""

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.difference import Difference
from bandit.ope.estimators.direct_method import DirectMethod
from bandit.ope.estimators.doubly_robust import DoublyRobust
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.sndr import SelfNormalisedDoublyRobust
from bandit.ope.estimators.switch_dr import SwitchDR
from bandit.ope.intervals.interval import Method, NotEstimable
from bandit.ope.models.boosting import Boosting, BoostingSettings
from bandit.ope.models.bootstrap import AskedRefits, refits
from bandit.ope.models.cut import Cut
from bandit.ope.models.model import fit
from bandit.ope.models.ridge import Ridge, RidgeSettings

MakeLog = Callable[..., Batch]
TruthIn = Callable[..., Floats]
CUT = Cut(folds=4, buckets=40)
SMALL = RidgeSettings(width=96)
ALL: tuple[Estimator, ...] = (DirectMethod(), DoublyRobust(), SelfNormalisedDoublyRobust(), SwitchDR())


def with_baseline(log: Batch) -> Batch:
    assert log.eligible is not None
    same = 1.0 / log.eligible.counts
    return replace(log, baseline=same, eligible=replace(log.eligible, baseline=np.repeat(same, log.eligible.counts)))


def told(log: Batch) -> Ridge:
    model = Ridge(settings=SMALL, cut=CUT)
    model.add(log)
    return model


def test_one_pass_over_sums_says_what_asking_every_model_says(make_log: MakeLog) -> None:
    log = with_baseline(make_log(1, rows=800))
    estimators = (*ALL, Difference(DoublyRobust()))
    model = told(log)
    quick = refits(model, estimators, replicates=5)
    slow = AskedRefits(quick._draws, quick._terms, [model.fitted(counts) for counts in quick._draws.counts])
    for one in (quick, slow):
        one.add(log)

    np.testing.assert_allclose(quick.totals(), slow.totals(), rtol=1e-9, atol=1e-9)


def test_the_first_replicate_is_the_log_itself(make_log: MakeLog) -> None:
    log = make_log(2, rows=800)
    model = told(log)
    found = refits(model, ALL, replicates=3)
    found.add(log)
    estimator = DoublyRobust()
    estimator.add(model.fitted().predict(log))

    interval = found.interval(DoublyRobust())

    assert (interval.low + interval.high) / 2 == pytest.approx(estimator.estimate(), abs=1e-12)
    assert interval.method is Method.REFIT_BOOTSTRAP


def test_parts_added_are_the_whole(make_log: MakeLog) -> None:
    log = make_log(3, rows=900)
    model = told(log)
    whole, left, right = (refits(model, ALL, replicates=4) for _ in range(3))
    first = np.arange(900) < 300
    whole.add(log)
    left.add(log.select(first))
    right.add(log.select(~first))

    np.testing.assert_allclose((left + right).totals(), whole.totals(), rtol=1e-12, atol=1e-12)


def test_the_direct_method_knows_that_its_model_may_be_wrong(make_log: MakeLog) -> None:
    log = make_log(4, rows=1500)
    model = told(log)
    found = refits(model, ALL, replicates=60)
    found.add(log)
    predicted = model.fitted().predict(log).predicted
    assert predicted is not None
    ignoring = predicted.target.std() / np.sqrt(len(log))

    interval = found.interval(DirectMethod())

    assert (interval.high - interval.low) / 2 > 3 * ignoring


def test_replicates_keep_the_hyper_parameter_that_was_picked(make_log: MakeLog) -> None:
    log = make_log(5, rows=800)
    found = refits(told(log), ALL, replicates=20)
    found.add(log)

    clipped = found.interval(SwitchDR(), chosen={SwitchDR.parameter: SwitchDR.default_grid[-1]})
    free = found.interval(SwitchDR(), chosen={SwitchDR.parameter: "infinite"})
    doubly = found.interval(DoublyRobust())

    assert (free.low, free.high) == pytest.approx((doubly.low, doubly.high), abs=1e-12)
    assert clipped.low != free.low


def test_replicates_of_a_difference_keep_what_either_side_picked(make_log: MakeLog) -> None:
    log = with_baseline(make_log(5, rows=800))
    difference = Difference(SwitchDR())
    found = refits(told(log), (difference,), replicates=20)
    found.add(log)
    predicted = told(log).fitted().predict(log)
    loose, tight = SwitchDR.default_grid[1], SwitchDR.default_grid[-1]
    target, baseline = SwitchDR(tight), SwitchDR(loose)
    target.add(predicted)
    baseline.add(predicted.against_baseline())

    interval = found.interval(difference, chosen={"threshold": tight, "baseline_threshold": loose, "rule": "mse_bound"})

    expected = target.estimate() - baseline.estimate()
    assert (interval.low + interval.high) / 2 == pytest.approx(expected, abs=1e-9)
    free = found.interval(difference, chosen={"threshold": "infinite", "baseline_threshold": "infinite"})
    assert (free.low + free.high) / 2 != pytest.approx(expected, abs=1e-6)


def test_what_costs_a_fit_and_an_answer_is_drawn_less_often(make_log: MakeLog) -> None:
    log = make_log(6, rows=100)
    asked = Boosting(settings=BoostingSettings(trees=(1,), fewest_rows=5), cut=Cut(folds=2, buckets=10))
    asked.add(log)

    assert len(refits(told(log), ALL).totals()) == 201
    assert len(refits(asked, ALL).totals()) == 21


def test_any_model_can_be_refitted(make_log: MakeLog) -> None:
    log = make_log(6, rows=800)
    model = Boosting(settings=BoostingSettings(trees=(3,), fewest_rows=20), cut=Cut(folds=2, buckets=20))
    model.add(log)
    found = refits(model, ALL, replicates=3)
    found.add(log)

    assert isinstance(found, AskedRefits)
    interval = found.interval(DoublyRobust())
    assert 0.0 < interval.high - interval.low < 1.0


def test_too_few_viewers_have_no_interval(make_log: MakeLog) -> None:
    log = make_log(7, rows=200, viewers=4)
    found = refits(told(log), ALL, replicates=3)
    found.add(log)

    with pytest.raises(NotEstimable, match="buckets"):
        found.interval(DoublyRobust())
    with pytest.raises(ValueError, match="replicates"):
        refits(told(log), ALL, replicates=1)


@pytest.mark.slow
def test_the_interval_holds_the_truth_where_viewers_differ(make_log: MakeLog, truth_in: TruthIn) -> None:
    """Twenty decisions a viewer and viewers who differ: of 200 logs nearly 95 % hold the truth."""
    big = make_log(10_000, rows=200_000, viewers=20_000)
    assert big.eligible is not None
    truth = float(big.eligible.row_sums(big.eligible.target * truth_in(big)).mean())
    held = dict.fromkeys(("dm", "dr", "dm without refitting"), 0)
    for seed in range(200):
        log = make_log(seed, rows=2000, viewers=100, spread=0.1, moods=seed)
        model = told(log)
        found = refits(model, ALL, replicates=60)
        found.add(log)
        for estimator in (DirectMethod(), DoublyRobust()):
            interval = found.interval(estimator)
            held[estimator.name] += interval.low <= truth <= interval.high
        predicted = model.fitted().predict(log).predicted
        assert predicted is not None
        reach = 1.96 * predicted.target.std() / np.sqrt(len(log))
        held["dm without refitting"] += abs(predicted.target.mean() - truth) <= reach

    logging.getLogger(__name__).info("of 200 intervals these hold the truth: %s", held)
    assert held["dr"] >= 180
    assert held["dm"] >= 170


def test_what_a_model_predicts_enters_the_estimates(make_log: MakeLog, truth_in: TruthIn) -> None:
    log = make_log(8, rows=10_000)
    assert log.eligible is not None
    truth = float(log.eligible.row_sums(log.eligible.target * truth_in(log)).mean())
    predicted = fit([log], Ridge(settings=SMALL, cut=CUT)).predict(log)
    for estimator in (DirectMethod(), DoublyRobust(), SelfNormalisedDoublyRobust()):
        estimator.add(predicted)
        assert abs(estimator.estimate() - truth) < 0.02
