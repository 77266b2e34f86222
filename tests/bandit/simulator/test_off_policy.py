"""A fair log values another policy rightly in the mean, and a log with wrong propensities does not."""

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.estimators.ips import IPS
from bandit.simulator.conditions import Conditions, Logged
from bandit.simulator.hardship import Hardship
from bandit.simulator.play import Stated, play
from bandit.simulator.random_world import PlayRates, WorldShape, random_world
from bandit.simulator.world import World
from bandit.simulator.yardsticks import softmax_in, value_on

LOGS, DECISIONS = 60, 4000


@pytest.fixture(scope="module")
def world() -> World:
    return random_world(
        8,
        shape=WorldShape(viewers=300, titles=10, artworks=4, fewest_artworks=2),
        rates=PlayRates(uniform=0.2, oracle=0.4),
        hardship=Hardship(bait_share=0.2, late_share=0.5, turn=0.5),
    )


def error_of_ips(world: World, logging: Stated, target: Stated, conditions: Conditions) -> tuple[float, float]:
    """The mean of (IPS − truth) over many logs, in units of the target's value, and its standard error."""
    errors: list[float] = []
    for seed in range(LOGS):
        rng = np.random.default_rng(seed)
        log = play(world, logging, rng=rng, decisions=DECISIONS, conditions=conditions).observed()
        estimator = IPS()
        stated = target(log.slots)[np.arange(len(log)), log.chosen]
        estimator.add(Batch(propensity=log.propensities, target=stated, reward=log.responses.rewards))
        truth = value_on(world, target, log.slots)
        errors.append((estimator.estimate() - truth) / truth)
    return float(np.mean(errors)), float(np.std(errors, ddof=1) / np.sqrt(LOGS))


@pytest.mark.parametrize(
    "conditions",
    [Conditions(), Conditions(slots_per_page=5, activity_spread=1.0, position_bias=1.0, unseen_share=0.1)],
    ids=["plain", "pages"],
)
def test_ips_is_unbiased_on_a_fair_log(world: World, conditions: Conditions) -> None:
    logging, target = softmax_in(world, temperature=0.1), softmax_in(world, temperature=0.04)
    error, spread = error_of_ips(world, logging, target, conditions)
    assert spread < 0.01
    assert abs(error) < 4 * spread


@pytest.mark.parametrize(
    ("conditions", "off"),
    [
        (Conditions(logged=Logged.UNIFORM), 0.2),
        (Conditions(propensity_factor=0.5), 1.0),
        (Conditions(propensity_noise=0.7), np.exp(0.7**2 / 2) - 1),
        (Conditions(lost_share=0.2), -0.2),
    ],
    ids=["1/K", "halved", "noise", "lost"],
)
def test_ips_is_wrong_on_a_log_that_is(world: World, conditions: Conditions, off: float) -> None:
    logging, target = softmax_in(world, temperature=0.1), softmax_in(world, temperature=0.04)
    error, spread = error_of_ips(world, logging, target, conditions)
    assert abs(error) > 8 * spread
    assert np.sign(error) == np.sign(off)
    assert abs(error) > 0.5 * abs(off)
