"""Every knob of a play does what it says: who comes back, what is seen, what is reported and when, what is logged."""

import numpy as np
import pytest

from bandit.simulator.conditions import Conditions, InvalidConditions, Logged
from bandit.simulator.play import PlayedLog, play, play_slots
from bandit.simulator.random_world import PlayRates, WorldShape, random_world
from bandit.simulator.slots import plan
from bandit.simulator.world import Floats, World
from bandit.simulator.yardsticks import oracle_in, softmax_in, uniform_in, value_on

N = 40_000


@pytest.fixture(scope="module")
def world() -> World:
    return random_world(
        5, shape=WorldShape(viewers=500, titles=12, artworks=4), rates=PlayRates(uniform=0.2, oracle=0.4)
    )


def played(world: World, **knobs: object) -> PlayedLog:
    conditions = Conditions(**knobs)  # type: ignore[arg-type]
    policy = softmax_in(world, temperature=0.05)
    return play(world, policy, rng=np.random.default_rng(1), decisions=N, conditions=conditions)


def test_the_same_seed_is_the_same_log(world: World) -> None:
    knobs = {"slots_per_page": 5, "activity_spread": 1.0, "position_bias": 1.0, "delay": 0.1, "delay_spread": 1.0}
    one, same = played(world, **knobs), played(world, **knobs)
    for name in ("chosen", "probabilities", "logged", "seen", "known_at"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    np.testing.assert_array_equal(one.responses.rewards, same.responses.rewards)


def test_two_policies_meet_the_same_slots_and_the_same_chance(world: World) -> None:
    logs = [
        play(world, policy, rng=np.random.default_rng(1), decisions=500, conditions=Conditions(unseen_share=0.3))
        for policy in (uniform_in(world), oracle_in(world))
    ]
    np.testing.assert_array_equal(logs[0].viewers, logs[1].viewers)
    np.testing.assert_array_equal(logs[0].titles, logs[1].titles)
    np.testing.assert_array_equal(logs[0].seen, logs[1].seen)
    alike = logs[0].chosen == logs[1].chosen
    assert 0.1 < alike.mean() < 0.6
    np.testing.assert_array_equal(logs[0].responses.rewards[alike], logs[1].responses.rewards[alike])


def test_plain_conditions_show_and_know_everything_at_once(world: World) -> None:
    log = played(world)
    assert log.seen.all()
    np.testing.assert_array_equal(log.known_at, log.slots.at)
    np.testing.assert_array_equal(log.propensities, log.drawn_with)
    assert len(log) == len(log.observed()) == N
    assert len(np.unique(log.slots.pages)) == N


def test_a_page_has_slots_of_different_titles_for_one_viewer_at_one_time(world: World) -> None:
    slots = plan(world, rng=np.random.default_rng(0), decisions=3001, conditions=Conditions(slots_per_page=5))
    assert len(slots) == 3005
    titles = slots.titles.reshape(-1, 5)
    assert all(len(set(page)) == 5 for page in titles.tolist())
    np.testing.assert_allclose(np.bincount(slots.titles) / len(slots), 1 / 12, atol=0.02)
    for name in ("viewers", "at", "pages"):
        assert (np.ptp(getattr(slots, name).reshape(-1, 5), axis=1) == 0).all()
    np.testing.assert_array_equal(slots.positions.reshape(-1, 5), np.tile(np.arange(5), (601, 1)))
    assert (np.diff(slots.at) >= 0).all()
    assert slots.at[0] == 0.0
    assert slots.at[-1] < 1.0


def test_a_page_cannot_hold_more_titles_than_there_are(world: World) -> None:
    slots = plan(world, rng=np.random.default_rng(0), decisions=24, conditions=Conditions(slots_per_page=99))
    assert sorted(slots.titles[:12].tolist()) == list(range(12))


@pytest.mark.parametrize("count", [1, 3, 7])
def test_parts_of_a_play_are_the_whole_and_tear_no_page_apart(world: World, count: int) -> None:
    slots = plan(world, rng=np.random.default_rng(0), decisions=500, conditions=Conditions(slots_per_page=5))
    parts = list(slots.parts(count))
    assert len(parts) == count
    np.testing.assert_array_equal(np.concatenate([part.titles for part in parts]), slots.titles)
    pages = [set(part.pages.tolist()) for part in parts]
    assert sum(map(len, pages)) == len(set.union(*pages)) == 100
    assert max(map(len, parts)) - min(map(len, parts)) <= 5


def test_activity_makes_some_viewers_come_much_more_often(world: World) -> None:
    def pages(spread: float) -> Floats:
        return np.sort(np.bincount(played(world, activity_spread=spread).viewers, minlength=500) / N)

    even, uneven = pages(0.0), pages(1.0)
    assert even[-5:].mean() / np.median(even) < 2
    assert 5 < uneven[-5:].mean() / np.median(uneven) < 25


def test_position_bias_is_a_chance_of_being_seen_and_never_a_zero(world: World) -> None:
    log = played(world, slots_per_page=4, position_bias=1.0, unseen_share=0.2)
    for position in range(4):
        here = log.slots.positions == position
        assert log.seen[here].mean() == pytest.approx(0.8 / (1 + position), abs=0.02)
    rows = log.observed()
    assert len(rows) == log.seen.sum()
    # The rows that are left say the same of the World as all would: what was not seen did not count as a failure.
    truth = value_on(world, softmax_in(world, temperature=0.05), log.slots)
    assert rows.responses.rewards.mean() == pytest.approx(
        truth, abs=4 * rows.responses.rewards.std() / len(rows) ** 0.5
    )


def test_lost_plays_look_like_none_and_are_never_known(world: World) -> None:
    log = played(world, lost_share=0.25)
    assert np.isinf(log.known_at).mean() == pytest.approx(0.25, abs=0.01)
    rows = log.observed()
    assert len(rows) == N
    assert rows.responses.played.mean() == pytest.approx(0.75 * log.responses.played.mean(), abs=0.01)
    assert (rows.responses.seconds[~rows.responses.played] == 0).all()


def test_outcomes_arrive_after_their_delay_and_the_reward_is_nothing_before(world: World) -> None:
    log = played(world, delay=0.1, delay_spread=0.8)
    delays = log.known_at - log.slots.at
    assert np.median(delays) == pytest.approx(0.1, rel=0.05)
    assert np.log(delays).std() == pytest.approx(0.8, rel=0.05)
    sums: list[float] = []
    for now in (0.25, 0.5, 1.0, np.inf):
        known = log.observed(now=now)
        assert len(known) == (log.slots.at <= now).sum()
        assert not known.responses.played[known.known_at > now].any()
        sums.append(float(known.responses.rewards.sum()))
    assert sums == sorted(sums)
    assert sums[-1] == pytest.approx(log.responses.rewards.sum())
    assert sums[0] < 0.7 * log.responses.rewards[log.slots.at <= 0.25].sum()


def test_propensities_go_wrong_as_asked_and_only_in_the_log(world: World) -> None:
    uniform = played(world, logged=Logged.UNIFORM)
    np.testing.assert_array_equal(uniform.propensities, 0.25)
    np.testing.assert_array_equal(uniform.logged, 0.25)
    assert uniform.drawn_with.max() > 0.9
    halved = played(world, propensity_factor=0.5)
    np.testing.assert_allclose(halved.propensities, 0.5 * halved.drawn_with)
    noisy = played(world, propensity_noise=0.3)
    free = noisy.propensities < 1
    errors = np.log(noisy.propensities / noisy.drawn_with)
    assert errors[free].std() == pytest.approx(0.3, abs=0.05)
    assert noisy.propensities.max() == 1.0
    for log in (uniform, halved, noisy):
        np.testing.assert_allclose(log.logged.sum(axis=1), 1.0, atol=1e-9)
        assert log.logged.min() >= 0.0
        np.testing.assert_array_equal(log.probabilities, played(world).probabilities)
        np.testing.assert_array_equal(log.chosen, played(world).chosen)


def test_a_certain_choice_can_be_logged_as_uncertain_unless_there_was_no_other(world: World) -> None:
    halved = Conditions(propensity_factor=0.5)
    rng, both = np.random.default_rng(0), np.array([[True, True], [True, False]])
    logged = halved.logged_table(rng, np.array([[1.0, 0.0], [1.0, 0.0]]), chosen=np.array([0, 0]), eligible=both)
    np.testing.assert_array_equal(logged, [[0.5, 0.5], [1.0, 0.0]])


@pytest.mark.parametrize(
    "knobs",
    [
        {"slots_per_page": 0},
        {"lost_share": 1.5},
        {"unseen_share": -0.1},
        {"delay": -1.0},
        {"delay_spread": float("nan")},
        {"propensity_factor": 0.0},
        {"position_bias": -2.0},
    ],
)
def test_conditions_that_cannot_be_are_refused(knobs: dict[str, float]) -> None:
    with pytest.raises(InvalidConditions, match=next(iter(knobs))):
        Conditions(**knobs)  # type: ignore[arg-type]


def test_slots_in_parts_are_played_with_their_own_times(world: World) -> None:
    slots = plan(world, rng=np.random.default_rng(0), decisions=100)
    later = [*slots.parts(2)][1]
    log = play_slots(world, uniform_in(world), rng=np.random.default_rng(0), slots=later)
    assert log.slots.at.min() == 0.5
    assert log.slots.pages.min() == 50
