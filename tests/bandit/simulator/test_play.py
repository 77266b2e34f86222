"""Responses and played logs: drawn from the truth, reproducible, and worth what the truth says in the mean."""

import numpy as np
import pytest

from bandit.simulator.play import play
from bandit.simulator.random_world import PlayRates, WorldShape, random_world
from bandit.simulator.response import respond, respond_all
from bandit.simulator.slots import slots_of
from bandit.simulator.world import InvalidWorld, World, build_world
from bandit.simulator.yardsticks import oracle_in, softmax_in, uniform_in, value_of

SMALL = WorldShape(viewers=50, titles=5, artworks=4)


@pytest.fixture(scope="module")
def world() -> World:
    return random_world(11, shape=SMALL, rates=PlayRates(uniform=0.15, oracle=0.3))


def test_the_mean_response_is_the_truth(world: World) -> None:
    rows = 200_000
    viewers, titles, artworks = (np.full(rows, index) for index in (3, 2, 1))
    drawn = respond_all(world, np.random.default_rng(0), viewers=viewers, titles=titles, artworks=artworks)
    rate = world.play_rates(viewers[:1], titles[:1])[0, 1]
    assert drawn.played.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / rows))
    truth = world.expected_reward(3, 2)[1]
    assert drawn.rewards.mean() == pytest.approx(truth, abs=4 * drawn.rewards.std() / np.sqrt(rows))


def test_rows_drawn_together_equal_rows_drawn_alone(world: World) -> None:
    viewers, titles, artworks = np.arange(40), np.arange(40) % 5, np.arange(40) % 4
    together = respond_all(world, np.random.default_rng(5), viewers=viewers, titles=titles, artworks=artworks)
    rng = np.random.default_rng(5)
    alone = [respond(world, rng, viewer=v, title=v % 5, artwork=v % 4) for v in range(40)]
    assert [one.played for one in alone] == together.played.tolist()
    assert [one.seconds for one in alone] == together.seconds.tolist()
    assert any(one.played for one in alone)
    assert all((one.seconds > 0) == one.played and one.seconds <= one.of_seconds for one in alone)


def test_a_played_log_draws_from_the_probabilities_that_it_keeps(world: World) -> None:
    log = play(world, softmax_in(world, temperature=0.02), rng=np.random.default_rng(2), decisions=50_000)
    shown = np.zeros_like(log.probabilities)
    shown[np.arange(50_000), log.chosen] = 1.0
    np.testing.assert_allclose(shown.mean(axis=0), log.probabilities.mean(axis=0), atol=0.01)
    assert log.propensities.min() > 0
    assert log.propensities.shape == (50_000,)


def test_the_oracle_beats_softmax_beats_uniform_and_no_policy_shows_what_a_title_lacks(world: World) -> None:
    policies = uniform_in(world), softmax_in(world, temperature=0.05), oracle_in(world)
    values = [value_of(world, policy) for policy in policies]
    assert values == sorted(values)
    assert values[0] < values[2]
    ragged = build_world([[1.0]], [[[1.0], [0.5]], [[1.0]]])
    for policy in uniform_in(ragged), softmax_in(ragged, temperature=0.05), oracle_in(ragged):
        assert policy(slots_of(np.array([0]), np.array([1]))).tolist() == [[1.0, 0.0]]


def test_a_temperature_of_zero_is_refused(world: World) -> None:
    with pytest.raises(InvalidWorld, match="oracle_in"):
        softmax_in(world, temperature=0.0)
