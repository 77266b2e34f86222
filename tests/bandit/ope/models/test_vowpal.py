"""The engine as a reward model and as a policy: learned apart from the viewers that it is asked about."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.errors import LearningFailed
from bandit.ope.batch import Batch, Floats
from bandit.ope.models.arguments import InvalidArguments
from bandit.ope.models.crossfit_policy import CrossfitPolicy
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import Encoder
from bandit.ope.models.model import NoEligibleKnown, NothingToFit, fit
from bandit.ope.models.vowpal import VowpalRewards, VowpalSettings

MakeLog = Callable[..., Batch]
TruthIn = Callable[..., Floats]
CUT = Cut(folds=2, buckets=20)
GREEDY = "--cb_explore_adf --cb_type mtr --interactions UA --epsilon 0.02 -l 0.1"


def learned(log: Batch, arguments: str = GREEDY) -> CrossfitPolicy:
    policy = CrossfitPolicy(arguments, cut=CUT)
    policy.add(log)
    return policy


def of_one_viewer(log: Batch) -> np.ndarray:
    assert log.viewers is not None
    return log.viewers == log.viewers[0]


def test_rewards_are_foreseen_for_viewers_that_were_not_seen(make_log: MakeLog, truth_in: TruthIn) -> None:
    log = make_log(1, rows=4000)
    truth = truth_in(log)

    fitted = fit([log], VowpalRewards(cut=CUT))

    assert np.corrcoef(fitted.scores(log), truth)[0, 1] > 0.8
    assert float(fitted.chosen["explained"]) > 0.02
    asked_elsewhere = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(asked_elsewhere.scores(log), fitted.scores(log))


def test_parts_added_foresee_what_the_whole_does_and_no_model_knows_whom_it_is_asked_about(make_log: MakeLog) -> None:
    log = make_log(2, rows=600)
    of_one = of_one_viewer(log)
    other = replace(log, reward=np.where(of_one, 1.0 - log.reward, log.reward))
    first = np.arange(600) < 200
    left, right = VowpalRewards(cut=CUT), VowpalRewards(cut=CUT)
    left.add(other.select(first))
    right.add(other.select(~first))

    before = fit([log], VowpalRewards(cut=CUT)).predict(log).predicted
    after = (left + right).fitted().predict(log).predicted

    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before.shown[of_one], after.shown[of_one])
    assert (before.shown[~of_one] != after.shown[~of_one]).any()


@pytest.mark.slow
def test_buckets_may_count_more_or_less(make_log: MakeLog) -> None:
    model = VowpalRewards(settings=VowpalSettings(passes=1), cut=CUT)
    log = make_log(3, rows=300)
    model.add(log)
    counts = np.ones(20)
    counts[3] = 0.0
    without = VowpalRewards(settings=VowpalSettings(passes=1), cut=CUT)
    without.add(log.select(CUT.buckets_of(log) != 3))

    np.testing.assert_array_equal(model.fitted(counts).scores(log), without.fitted().scores(log))
    assert model.rows_by_bucket.sum() == 300


def test_a_policy_prefers_what_attracts_on_viewers_that_it_has_not_seen(make_log: MakeLog, truth_in: TruthIn) -> None:
    log = make_log(4, rows=4000)
    truth = truth_in(log)

    stated = learned(log).restate(log)

    assert stated.eligible is not None
    target = stated.eligible.target
    np.testing.assert_allclose(stated.eligible.row_sums(target), 1.0, atol=1e-12)
    np.testing.assert_array_equal(stated.target, target[stated.eligible.chosen])
    uniform = truth.mean()
    best = truth.reshape(-1, 4).max(axis=1).mean()
    assert (target * truth).sum() / len(log) > uniform + 0.5 * (best - uniform)


def test_a_policy_learned_in_parts_travels_and_has_not_learned_from_whom_it_is_asked_about(make_log: MakeLog) -> None:
    log = make_log(5, rows=600)
    of_one = of_one_viewer(log)
    other = replace(log, reward=np.where(of_one, 1.0 - log.reward, log.reward))
    first = np.arange(600) < 200
    parts = learned(other.select(first)) + learned(other.select(~first))
    parts.finish()

    before, after = learned(log).restate(log), pickle.loads(pickle.dumps(parts)).restate(log)

    np.testing.assert_array_equal(before.target[of_one], after.target[of_one])
    assert (before.target != after.target).any()


def test_rewards_of_any_size_and_vectors_can_be_learned_from(make_log: MakeLog) -> None:
    log = make_log(7, rows=300)
    large = replace(log, reward=log.reward * 50.0 - 3.0)
    vectors = {f"t/{place}": np.eye(4)[place] for place in range(4)}
    policy = CrossfitPolicy(GREEDY, cut=CUT, encoder=Encoder(vectors=vectors))
    policy.add(large)

    assert np.isfinite(policy.restate(large).target).all()


def test_what_cannot_be_learned_is_refused_by_name(make_log: MakeLog) -> None:
    log = make_log(8, rows=50)
    with pytest.raises(InvalidArguments, match="daemon"):
        CrossfitPolicy("--cb_explore_adf --daemon")
    with pytest.raises(InvalidArguments, match="together"):
        CrossfitPolicy("--cb_explore_adf --ftrl --coin --sgd --adaptive")
    with pytest.raises(NothingToFit):
        CrossfitPolicy(GREEDY, cut=CUT).restate(log)
    with pytest.raises(NoEligibleKnown):
        learned(replace(log, eligible=None))
    slow = CrossfitPolicy(GREEDY, cut=CUT, timeout=0.01)
    slow.add(log)
    with pytest.raises(LearningFailed):
        slow.finish()
