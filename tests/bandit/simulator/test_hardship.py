"""Every knob of a World does what it says, and nothing else to the World."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.simulator.hardship import Hardship, hardened
from bandit.simulator.play import play
from bandit.simulator.random_world import RARE, WEAK, WorldShape, calibrated, random_world
from bandit.simulator.slots import every_pair, slots_of
from bandit.simulator.world import InvalidWorld, Nature, World, build_world
from bandit.simulator.yardsticks import most_started_in, oracle_in, uniform_in, value_of

SHAPE = WorldShape(viewers=300, titles=20, artworks=5)


@pytest.fixture(scope="module")
def easy() -> World:
    return random_world(3, shape=SHAPE, rates=WEAK)


def hard(world: World, **knobs: float) -> World:
    return hardened(world, Hardship(**knobs), seed=3)  # type: ignore[arg-type]


def test_no_knob_turned_is_the_same_world(easy: World) -> None:
    same = random_world(3, shape=SHAPE, rates=WEAK, hardship=Hardship())
    np.testing.assert_array_equal(
        same.expected_rewards(*same.pairs(), at=0.7), easy.expected_rewards(*easy.pairs(), at=0.0)
    )


@given(
    seed=st.integers(0, 2**32),
    knobs=st.fixed_dictionaries(
        {
            "bait_share": st.floats(0, 1),
            "late_share": st.floats(0, 1),
            "late_artworks": st.integers(0, 6),
            "born_at": st.floats(0, 1),
            "lift": st.floats(0, 3),
            "turn": st.floats(0, 2),
        }
    ),
    fewest=st.integers(1, 4),
)
@settings(max_examples=25, deadline=None)
def test_the_same_seed_is_the_same_world_and_knobs_leave_the_rest_as_it_was(
    seed: int, knobs: dict[str, float], fewest: int
) -> None:
    rng = np.random.default_rng(seed)
    traits = [rng.normal(size=(count, 2)) for count in rng.integers(fewest, 5, size=6)]
    plain = build_world(rng.normal(size=(9, 2)), traits)
    one, same = (hardened(plain, Hardship(**knobs), seed=seed) for _ in range(2))  # type: ignore[arg-type]
    for at in (0.0, 0.4, 1.0):
        rewards = one.expected_rewards(*one.pairs(), at=at)
        np.testing.assert_array_equal(rewards, same.expected_rewards(*same.pairs(), at=at))
        assert ((rewards >= 0) & (rewards <= 1)).all()
        assert one.eligible(np.arange(6), at=at).any(axis=1).all(), "every title has an artwork at any time"
    for name in ("tastes", "traits", "themes", "appeal", "counts", "runtime_seconds"):
        np.testing.assert_array_equal(getattr(one, name), getattr(plain, name))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_bait_is_a_share_of_all_artworks_and_a_larger_share_holds_the_smaller(easy: World, share: float) -> None:
    baited = hard(easy, bait_share=share).bait > 0
    assert baited.sum() == round(share * 100)
    assert not (baited & ~(hard(easy, bait_share=min(1.0, share + 0.3)).bait > 0)).any()


@pytest.mark.parametrize("rates", ["weak", "strong"])
def test_clickbait_starts_more_and_satisfies_less_than_the_same_artwork_without(rates: str) -> None:
    plain = random_world(3, shape=SHAPE, **({"rates": WEAK} if rates == "weak" else {}))
    world = hard(plain, bait_share=0.1)
    bait = world.bait > 0
    everyone = world.pairs()
    for measure, sign in (("play_rates", 1), ("expected_rewards", -1)):
        before, after = (getattr(each, measure)(*everyone).reshape(300, 20, 5).mean(axis=0) for each in (plain, world))
        assert (sign * (after - before)[bait] > 0).all()
        np.testing.assert_array_equal(before[~bait], after[~bait])
    assert value_of(world, most_started_in(world)) < value_of(world, oracle_in(world)) - 0.001


def test_late_artworks_are_a_share_of_titles_and_not_eligible_before_their_birth(easy: World) -> None:
    world = hard(easy, late_share=0.3, late_artworks=2, born_at=0.4)
    late = world.born == 0.4
    assert sorted(late.sum(axis=1).tolist()) == [0] * 14 + [2] * 6
    for at, gone in ((0.0, late), (0.399, late), (0.4, np.zeros_like(late)), (1.0, np.zeros_like(late))):
        np.testing.assert_array_equal(world.eligible(np.arange(20), at=at), ~gone)
    log = play(world, uniform_in(world), rng=np.random.default_rng(0), decisions=5000)
    shown_late = late[log.titles, log.chosen]
    assert log.slots.at[shown_late].min() >= 0.4
    assert 0.02 < shown_late.mean() < 0.15
    [early], [now] = (world.expected_rewards(np.array([0]), np.array([0]), at=at) for at in (0.0, 1.0))
    assert (early[late[0]] == 0).all()
    np.testing.assert_array_equal(early[~late[0]], now[~late[0]])


def test_a_title_keeps_an_artwork_from_the_start_however_many_are_late(easy: World) -> None:
    assert (hard(easy, late_share=1.0, late_artworks=9, born_at=1.0).born == 0).sum(axis=1).tolist() == [1] * 20


def test_one_artwork_a_title_is_lifted_for_everyone_and_it_is_the_first_of_the_late(easy: World) -> None:
    world = hard(easy, late_share=0.5, lift=4.0)
    assert ((world.lift > 0).sum(axis=1) == 1).all()
    assert (world.lift[world.born > 0] == 4.0).all()
    best = world.expected_rewards(*world.pairs(), at=1.0).argmax(axis=1).reshape(300, 20)
    assert (best == world.lift.argmax(axis=1)).mean() > 0.95


def test_tastes_turn_smoothly_keep_their_length_and_end_at_a_right_angle(easy: World) -> None:
    world = hard(easy, turn=1.0)
    everyone = np.arange(300)
    start, half, end = (world.tastes_at(everyone, at=at) for at in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(start, easy.tastes)
    for tastes in (half, end):
        np.testing.assert_allclose(np.linalg.norm(tastes, axis=1), 1.0, rtol=1e-9)
        np.testing.assert_allclose(tastes @ tastes.T, start @ start.T, atol=1e-9)
    np.testing.assert_allclose((start * end).sum(axis=1), 0.0, atol=1e-9)
    np.testing.assert_allclose((start * half).sum(axis=1), np.sqrt(0.5), atol=1e-9)


def test_where_tastes_turn_the_best_artwork_changes_and_the_rates_stay(easy: World) -> None:
    world = random_world(3, rates=WEAK, hardship=Hardship(turn=1.0))
    stale = oracle_in(world)(every_pair(world))
    viewers, titles = world.pairs()
    values = [world.policy_value(viewers, titles, probabilities=stale, at=at) for at in (0.0, 0.5, 1.0)]
    uniform, oracle = (value_of(world, policy, at=1.0) for policy in (uniform_in(world), oracle_in(world)))
    assert values[0] > values[1] > values[2]
    assert abs(values[2] - uniform) < 0.25 * (oracle - uniform)
    assert oracle == pytest.approx(value_of(world, oracle_in(world)), rel=0.15)


def test_a_time_a_row_is_the_same_as_row_by_row() -> None:
    world = random_world(3, shape=SHAPE, hardship=Hardship(turn=0.7, late_share=0.5))
    viewers, titles, at = np.arange(6), np.arange(6), np.linspace(0, 1, 6)
    together = world.expected_rewards(viewers, titles, at=at)
    for row in range(6):
        alone = world.expected_reward(row, row, at=float(at[row]))
        np.testing.assert_allclose(together[row], alone, rtol=1e-12)


def test_the_shown_artworks_truth_is_the_tables_truth() -> None:
    world = random_world(3, shape=SHAPE, hardship=Hardship(turn=0.7, late_share=0.5, bait_share=0.3, lift=1.0))
    rng = np.random.default_rng(0)
    viewers, titles, artworks = (rng.integers(count, size=500) for count in (300, 20, 5))
    rates, satisfaction = world.shown(viewers, titles, artworks=artworks, at=(at := rng.random(500)))
    rows = np.arange(500)
    np.testing.assert_allclose(rates, world.play_rates(viewers, titles, at=at)[rows, artworks], rtol=1e-12)
    np.testing.assert_allclose(satisfaction, world.satisfaction(viewers, titles, at=at)[rows, artworks], rtol=1e-12)


def test_titles_have_any_number_of_artworks_that_was_asked_for() -> None:
    world = random_world(1, shape=WorldShape(viewers=50, titles=200, artworks=8, fewest_artworks=2), rates=WEAK)
    assert set(world.counts.tolist()) == set(range(2, 9))
    np.testing.assert_array_equal(world.eligible(np.arange(200)).sum(axis=1), world.counts)
    stated = uniform_in(world)(slots_of(np.zeros(200, dtype=np.int64), np.arange(200)))
    np.testing.assert_allclose(stated.max(axis=1), 1 / world.counts)


def test_rare_rewards_are_three_in_a_thousand() -> None:
    world = random_world(2, shape=WorldShape(viewers=400, titles=20), rates=RARE)
    assert world.play_rates(*world.pairs()).mean() == pytest.approx(0.003, rel=0.02)
    log = play(world, uniform_in(world), rng=np.random.default_rng(0), decisions=100_000)
    assert 0.002 < log.responses.played.mean() < 0.004


@pytest.mark.parametrize(
    "knobs", [{"bait_share": 1.1}, {"late_share": -0.1}, {"born_at": float("nan")}, {"late_artworks": -1}]
)
def test_knobs_that_cannot_stand_so_are_refused(knobs: dict[str, float]) -> None:
    with pytest.raises(InvalidWorld):
        Hardship(**knobs)  # type: ignore[arg-type]


def test_worlds_that_cannot_be_are_refused() -> None:
    odd = build_world([[1.0, 0.0, 0.0]], [[[1.0, 0.0, 0.0]]])
    with pytest.raises(InvalidWorld, match="even"):
        hardened(odd, Hardship(turn=1.0), seed=0)
    with pytest.raises(InvalidWorld, match="turned"):
        build_world([[1.0]], [[[1.0]]], nature=Nature(turn=1.0))
    with pytest.raises(InvalidWorld, match="born at 0"):
        build_world([[1.0]], [[[1.0]]], nature=Nature(born=[[0.5]]))
    with pytest.raises(InvalidWorld, match="fewest"):
        random_world(0, shape=WorldShape(fewest_artworks=0))
    assert calibrated(odd, WEAK.__class__(uniform=0.1, oracle=0.1)).title_count == 1
