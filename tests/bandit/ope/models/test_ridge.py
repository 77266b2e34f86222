"""Ridge: the sums of parts make the model of the whole, and no viewer is in the model that is asked about them."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.errors import InvalidExample, RefusedFeature
from bandit.ope.batch import Batch, Floats, viewer_keys
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import Encoder
from bandit.ope.models.model import NoEligibleKnown, NothingToFit, fit
from bandit.ope.models.ridge import Ridge, RidgeSettings

MakeLog = Callable[..., Batch]
TruthIn = Callable[..., Floats]
SMALL = RidgeSettings(width=128)


def halves(batch: Batch) -> tuple[Batch, Batch]:
    first = np.arange(len(batch)) < len(batch) // 3
    return batch.select(first), batch.select(~first)


def test_parts_added_give_the_model_of_the_whole(make_log: MakeLog) -> None:
    log = make_log(1)
    one, two = halves(log)
    left, right = Ridge(settings=SMALL), Ridge(settings=SMALL)
    left.add(one)
    right.add(two)
    whole = fit([log], Ridge(settings=SMALL))

    both = pickle.loads(pickle.dumps(left + right)).fitted()

    assert both.chosen["penalty"] == whole.chosen["penalty"]
    np.testing.assert_allclose(both.scores(log), whole.scores(log), rtol=0, atol=1e-12)


def test_a_model_travels_lightly_and_learns_on_where_it_arrives(make_log: MakeLog) -> None:
    one, two = halves(make_log(1))
    here = Ridge()
    here.add(one)
    packed = pickle.dumps(here)
    there = pickle.loads(packed)
    for model in (here, there):
        model.add(two)

    assert len(packed) < 1_000_000
    np.testing.assert_array_equal(there.fitted().scores(two), here.fitted().scores(two))


def test_adding_parts_changes_neither(make_log: MakeLog) -> None:
    one, two = halves(make_log(1))
    left, right = Ridge(settings=SMALL), Ridge(settings=SMALL)
    left.add(one)
    right.add(two)
    before = left.fitted().scores(one)
    _ = left + right

    np.testing.assert_array_equal(left.fitted().scores(one), before)


def test_it_finds_what_attracts_by_device(make_log: MakeLog, truth_in: TruthIn) -> None:
    log = make_log(2, rows=20_000)
    truth = truth_in(log)

    fitted = fit([log], Ridge(settings=SMALL))

    error = np.sqrt(np.mean((fitted.scores(log) - truth) ** 2))
    assert error < 0.2 * truth.std()
    assert 0.5 * truth.var() < float(fitted.chosen["explained"]) * log.reward.var() < 2 * truth.var()


def test_where_nothing_attracts_it_believes_little(make_log: MakeLog) -> None:
    log = make_log(3, contrast=0.0)

    fitted = fit([log], Ridge(settings=SMALL))

    assert float(fitted.chosen["penalty"]) >= 1000
    assert fitted.scores(log).std() < 0.02


def test_the_rewards_of_a_viewer_do_not_reach_the_model_that_is_asked_about_them(make_log: MakeLog) -> None:
    log = make_log(4)
    viewers = log.viewers
    assert viewers is not None
    of_one = viewers == viewers[0]
    other = replace(log, reward=np.where(of_one, 1.0 - log.reward, log.reward))
    fixed = RidgeSettings(width=128, penalties=(10.0,))

    before, after = (fit([each], Ridge(settings=fixed)).predict(each).predicted for each in (log, other))

    assert before is not None
    assert after is not None
    np.testing.assert_allclose(before.shown[of_one], after.shown[of_one], rtol=0, atol=1e-12)
    assert np.abs(before.shown[~of_one] - after.shown[~of_one]).max() > 1e-6


def test_a_row_that_stands_for_two_counts_as_two(make_log: MakeLog) -> None:
    log = make_log(5, rows=500)
    twice = [log, log]
    kept = replace(log, kept=np.full(len(log), 0.5))

    np.testing.assert_allclose(
        fit(twice, Ridge(settings=SMALL)).scores(log), fit([kept], Ridge(settings=SMALL)).scores(log), atol=1e-12
    )


def test_a_constant_reward_is_predicted_everywhere(make_log: MakeLog) -> None:
    log = make_log(6, rows=300)
    log = replace(log, reward=np.full(len(log), 0.7))

    np.testing.assert_allclose(fit([log], Ridge(settings=SMALL)).scores(log), 0.7, atol=1e-9)


def test_rows_without_a_reward_are_not_learned_from(make_log: MakeLog) -> None:
    log = make_log(7, rows=600)
    broken = np.arange(len(log)) % 7 == 0
    faulty = replace(log, reward=np.where(broken, np.nan, log.reward))
    sound = log.select(~broken)

    np.testing.assert_allclose(
        fit([faulty], Ridge(settings=SMALL)).scores(log), fit([sound], Ridge(settings=SMALL)).scores(log), atol=1e-12
    )


def test_numbers_that_are_missing_or_huge_do_no_harm(make_log: MakeLog) -> None:
    log = make_log(8, rows=600)
    odd = log.features["hour"].copy()  # type: ignore[union-attr]
    odd[:3] = np.nan, np.inf, 1e300
    log = replace(log, features={**log.features, "hour": odd})

    assert np.isfinite(fit([log], Ridge(settings=SMALL)).scores(log)).all()


def test_vectors_tell_of_an_artwork_that_was_never_shown(make_log: MakeLog) -> None:
    log = make_log(9, rows=8000)
    eligible = log.eligible
    assert eligible is not None
    twin = replace(eligible, names=("t/0", "t/1", "t/2", "t/new"))
    vectors = {name: np.eye(3)[place] for place, name in enumerate(("t/0", "t/1", "t/2"))}
    vectors |= {"t/3": np.eye(3)[0], "t/new": np.eye(3)[1]}

    fitted = fit([log], Ridge(settings=SMALL, encoder=Encoder(vectors=vectors)))

    scores = fitted.scores(replace(log, eligible=twin)).reshape(-1, 4)
    assert np.abs(scores[:, 3] - scores[:, 1]).mean() < 0.7 * np.abs(scores[:, 3] - scores[:, 0]).mean()


@pytest.mark.parametrize("known", ["viewers", "pages", "nothing"])
def test_folds_hold_together_what_belongs_together(make_log: MakeLog, known: str) -> None:
    log = make_log(10, rows=400)
    keys = viewer_keys([f"p{row // 4}" for row in range(400)])
    log = replace(log, viewers=log.viewers if known == "viewers" else None, pages=keys if known == "pages" else None)
    cut = Cut(folds=4, buckets=16)

    buckets = cut.buckets_of(log)

    assert np.bincount(buckets, minlength=16).min() > 0
    groups = {"viewers": log.viewers, "pages": keys, "nothing": np.arange(400) % 16}[known]
    assert groups is not None
    for group in np.unique(groups):
        assert len(np.unique(buckets[groups == group])) == 1


def test_what_cannot_be_fitted_is_refused_by_name(make_log: MakeLog) -> None:
    log = make_log(11, rows=50)
    with pytest.raises(NoEligibleKnown, match="artworks"):
        fit([replace(log, eligible=None)], Ridge(settings=SMALL))
    with pytest.raises(NothingToFit):
        fit([replace(log, reward=np.full(50, np.nan))], Ridge(settings=SMALL))
    with pytest.raises(InvalidExample, match="same columns"):
        fit([log, replace(log, features={})], Ridge(settings=SMALL))
    with pytest.raises(RefusedFeature, match="gender"):
        fit([replace(log, features={"viewer_gender": np.ones(50)})], Ridge(settings=SMALL))
    with pytest.raises(ValueError, match="buckets"):
        Cut(folds=3, buckets=40)
    with pytest.raises(InvalidExample, match="one length"):
        Encoder(vectors={"a": np.ones(2), "b": np.ones(3)})
