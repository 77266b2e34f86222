"""Gradient boosting: finds what no line can, from a sample that is the same whatever parts the log came in."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.models.boosting import Boosting, BoostingSettings
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import Encoder
from bandit.ope.models.model import fit
from bandit.ope.models.ridge import Ridge, RidgeSettings
from bandit.ope.models.sample import Sample

MakeLog = Callable[..., Batch]
CUT = Cut(folds=2, buckets=20)
FEW = BoostingSettings(trees=(5, 20), fewest_rows=20)


def bent(log: Batch) -> Batch:
    """The same log, with rewards where the hour is far from the middle."""
    hour = log.features["hour"]
    assert isinstance(hour, np.ndarray)
    return replace(log, reward=(np.abs(hour) > 1.0).astype(np.float64))


def parts_of(log: Batch, *, count: int) -> list[Batch]:
    return [log.select(np.arange(len(log)) // (len(log) // count) == part) for part in range(count)]


def test_it_finds_what_no_line_can(make_log: MakeLog) -> None:
    log = bent(make_log(1))

    bend = fit([log], Boosting(settings=FEW, cut=CUT)).chosen["explained"]
    line = fit([log], Ridge(settings=RidgeSettings(width=64), cut=CUT)).chosen["explained"]

    assert float(bend) > 0.7
    assert float(line) < 0.1


def test_it_grows_few_trees_where_nothing_attracts(make_log: MakeLog) -> None:
    fitted = fit([make_log(2, contrast=0.0)], Boosting(settings=FEW, cut=CUT))

    assert fitted.chosen["trees"] == min(FEW.trees)


def test_parts_added_give_the_model_of_the_whole_log(make_log: MakeLog) -> None:
    log = make_log(3, rows=1200)
    one, two = parts_of(log, count=2)
    left, right, both = (Boosting(settings=FEW, cut=CUT) for _ in range(3))
    left.add(one)
    right.add(two)
    for part in (one, two):
        both.add(part)

    added = pickle.loads(pickle.dumps((left + right).fitted()))

    np.testing.assert_array_equal(added.scores(log), both.fitted().scores(log))


def test_the_rewards_of_a_viewer_do_not_reach_the_model_that_is_asked_about_them(make_log: MakeLog) -> None:
    log = make_log(4, rows=1000)
    assert log.viewers is not None
    of_one = log.viewers == log.viewers[0]
    other = replace(log, reward=np.where(of_one, 1.0 - log.reward, log.reward))
    fixed = replace(FEW, trees=(5,))

    before, after = (fit([each], Boosting(settings=fixed, cut=CUT)).predict(each).predicted for each in (log, other))

    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before.shown[of_one], after.shown[of_one])
    assert (before.shown[~of_one] != after.shown[~of_one]).any()


def test_a_bucket_that_counts_nothing_is_as_if_it_were_not_there(make_log: MakeLog) -> None:
    log = make_log(5, rows=1000)
    model = Boosting(settings=replace(FEW, trees=(5,)), cut=CUT)
    model.add(log)
    counts: Floats = np.ones(20)
    counts[3] = 0.0
    without = Boosting(settings=replace(FEW, trees=(5,)), cut=CUT)
    without.add(log.select(CUT.buckets_of(log) != 3))

    np.testing.assert_allclose(model.fitted(counts).scores(log), without.fitted().scores(log), atol=1e-9)


def test_artworks_that_were_never_shown_and_missing_numbers_are_told_something(make_log: MakeLog) -> None:
    log = make_log(6, rows=800)
    assert log.eligible is not None
    fitted = fit([log], Boosting(settings=FEW, cut=CUT, encoder=Encoder(vectors={"t/0": np.ones(2)})))
    unknown = replace(
        log,
        eligible=replace(log.eligible, names=("t/0", "t/1", "t/2", "t/new")),
        features={**log.features, "hour": np.full(800, np.nan)},
    )

    assert np.isfinite(fitted.scores(unknown)).all()


def test_a_sample_is_bounded_and_keeps_the_same_rows_in_any_parts(make_log: MakeLog) -> None:
    parts = parts_of(make_log(7, rows=2000), count=10)
    one, first, second = (Sample(most_rows=150, cut=CUT, encoder=Encoder()) for _ in range(3))
    for part in parts:
        one.add(part)
    for part in parts[:4]:
        first.add(part)
    for part in parts[4:]:
        second.add(part)

    whole, added = one.rows(), (first + second).rows()

    assert len(whole) == 150
    np.testing.assert_array_equal(whole.draws, added.draws)
    np.testing.assert_array_equal(whole.shown, added.shown)
    assert len(first.rows()) == 150


def test_a_sample_of_a_log_is_as_the_log(make_log: MakeLog) -> None:
    log = make_log(8, rows=4000)
    sample = Sample(most_rows=1000, cut=CUT, encoder=Encoder())
    sample.add(log)

    assert abs(sample.rows().rewards.mean() - log.reward.mean()) < 4 * log.reward.std() / np.sqrt(1000)
