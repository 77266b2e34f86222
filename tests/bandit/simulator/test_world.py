"""The World: its truth is exact, its shapes are checked, its play rates are what was asked for."""

import numpy as np
import pytest

from bandit.rewards import quality
from bandit.simulator.random_world import STRONG, WEAK, PlayRates, WorldShape, calibrated, random_world
from bandit.simulator.watching import SHARES, quality_table, share_distribution
from bandit.simulator.world import InvalidWorld, Nature, World, build_world


def ragged_world() -> World:
    """Two viewers of opposite tastes; a title with three artworks and one with two."""
    return build_world(
        [[1.0, 0.0], [0.0, 1.0]],
        [[[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]],
        nature=Nature(themes=[[0.5, 0.0], [0.0, 0.5]], appeal=[0.0, 1.0], runtime_seconds=[1000.0, 6000.0]),
    )


def test_play_rate_is_the_formula_of_the_module() -> None:
    world = ragged_world()
    rates = world.play_rates(np.array([0]), np.array([0]))[0]
    logits = -2.0 + 0.0 + 0.5 + np.array([2.0, 0.0, 0.0])
    np.testing.assert_allclose(rates, 1 / (1 + np.exp(-logits)), rtol=1e-12)


def test_expected_reward_is_the_sum_over_every_end_of_a_play() -> None:
    world = ragged_world()
    satisfied = 1 / (1 + np.exp(-0.5))
    worth = [quality(share * 6000.0, 6000.0) for share in SHARES]
    by_hand = world.play_rates(np.array([1]), np.array([1]))[0, :2] * (
        share_distribution(np.array([satisfied]))[0] @ worth
    )
    np.testing.assert_allclose(world.expected_reward(1, 1), by_hand, rtol=1e-12)


def test_a_title_has_only_its_own_artworks() -> None:
    world = ragged_world()
    assert world.expected_reward(0, 1).shape == (2,)
    assert world.expected_rewards(np.array([0]), np.array([1]))[0, 2] == 0.0
    with pytest.raises(InvalidWorld, match="artwork that the title has"):
        world.policy_value(np.array([0]), np.array([1]), probabilities=np.full((1, 3), 1 / 3))


def test_policy_value_is_the_mean_expected_reward_under_the_stated_probabilities() -> None:
    world = ragged_world()
    viewers, titles = world.pairs()
    stated = np.array([[0.2, 0.3, 0.5], [0.4, 0.6, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    by_hand = np.mean(
        [
            row[: world.counts[title]] @ world.expected_reward(viewer, title)
            for viewer, title, row in zip(viewers.tolist(), titles.tolist(), stated, strict=True)
        ]
    )
    assert world.policy_value(viewers, titles, probabilities=stated) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("stated", [[[0.5, 0.4, 0.0]], [[-0.5, 1.0, 0.5]], [[np.nan, 0.5, 0.5]]])
def test_policy_value_refuses_what_is_no_distribution(stated: list[list[float]]) -> None:
    with pytest.raises(InvalidWorld):
        ragged_world().policy_value(np.array([0]), np.array([0]), probabilities=np.array(stated))


def test_policy_value_of_nobody_is_refused() -> None:
    nobody = np.array([], dtype=np.int64)
    with pytest.raises(InvalidWorld):
        ragged_world().policy_value(nobody, nobody, probabilities=np.zeros((0, 3)))


def test_without_strength_all_artworks_are_alike_and_bait_starts_plays_that_are_worth_less() -> None:
    level = build_world([[1.0]], [[[3.0], [-3.0]]], nature=Nature(strength=0.0, bait=[[0.0, 2.0]]))
    everyone = level.pairs()
    plain, bait = level.play_rates(*everyone)[0]
    assert bait > plain
    worth = level.expected_rewards(*everyone)[0] / level.play_rates(*everyone)[0]
    assert worth[1] < worth[0]
    unbaited = build_world([[1.0]], [[[3.0], [-3.0]]], nature=Nature(strength=0.0))
    assert np.ptp(unbaited.expected_reward(0, 0)) == 0.0


@pytest.mark.parametrize(
    ("tastes", "traits", "nature"),
    [
        ([[1.0]], [], None),
        ([], [[[1.0]]], None),
        ([[1.0]], [[[1.0, 2.0]]], None),
        ([[np.nan]], [[[1.0]]], None),
        ([[1.0]], [[[1.0]], np.zeros((0, 1))], None),
        ([[1.0]], [[[1.0]]], Nature(appeal=[1.0, 2.0])),
        ([[1.0]], [[[1.0]]], Nature(runtime_seconds=[np.inf])),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tastes: object, traits: object, nature: Nature | None) -> None:
    with pytest.raises(InvalidWorld):
        build_world(tastes, traits, nature=nature)  # type: ignore[arg-type]


def test_the_truth_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        ragged_world().tastes[0, 0] = 5.0


def test_the_two_ways_of_watching_are_distributions_and_satisfaction_is_worth_more() -> None:
    ways = share_distribution(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(ways.sum(axis=1), 1.0, atol=1e-12)
    worth = ways @ quality_table(np.array([5400.0]))[0]
    assert worth[0] < worth[1] < worth[2]


@pytest.mark.parametrize("rates", [WEAK, STRONG])
def test_a_random_world_has_the_play_rates_that_were_asked_for(rates: PlayRates) -> None:
    world = random_world(7, shape=WorldShape(viewers=400, titles=20), rates=rates)
    plays = world.play_rates(*world.pairs())
    assert plays.mean() == pytest.approx(rates.uniform, rel=0.005)
    assert plays.max(axis=1).mean() == pytest.approx(rates.oracle, rel=0.005)


def test_a_seed_is_a_world() -> None:
    shape = WorldShape(viewers=30, titles=4)
    one, same, other = (random_world(seed, shape=shape) for seed in (3, 3, 4))
    everyone = one.pairs()
    np.testing.assert_array_equal(one.expected_rewards(*everyone), same.expected_rewards(*everyone))
    assert not np.array_equal(one.expected_rewards(*everyone), other.expected_rewards(*everyone))


def test_a_given_world_can_be_calibrated_when_its_titles_differ_in_artworks() -> None:
    world = calibrated(ragged_world(), PlayRates(uniform=0.1, oracle=0.2))
    viewers, titles = world.pairs()
    plays = world.play_rates(viewers, titles)
    assert (plays.sum(axis=1) / world.counts[titles]).mean() == pytest.approx(0.1, rel=1e-3)
    assert plays.max(axis=1).mean() == pytest.approx(0.2, rel=1e-3)


def test_rates_that_no_strength_reaches_are_refused() -> None:
    alike = build_world([[1.0]], [[[1.0], [1.0]]])
    with pytest.raises(InvalidWorld, match="no strength reaches"):
        calibrated(alike, PlayRates(uniform=0.1, oracle=0.2))
    with pytest.raises(InvalidWorld, match="no play rates"):
        calibrated(alike, PlayRates(uniform=0.2, oracle=0.1))
