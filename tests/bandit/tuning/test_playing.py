"""A run is a learner's play in a named World: the same run, the same score, and settings make the difference."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.rewards import QUALITY_PLAY, TAKE
from bandit.simulator.random_world import WorldShape
from bandit.tuning.playing import Run, Score, play_run
from bandit.tuning.trials import SHIPPED, grid
from bandit.tuning.worlds import WORLDS

SHAPE = WorldShape(viewers=100, titles=6, artworks=6, traits=4)
RUN = Run(trial=SHIPPED, world="strong", seed=0, decisions=800, rounds=2, shape=SHAPE)


@pytest.fixture(scope="module")
def played() -> Score:
    return scored(RUN)


def scored(run: Run) -> Score:
    ticks = iter([10.0, 12.5])
    outcome = play_run(run, clock=lambda: next(ticks))
    assert outcome.seconds == 2.5
    return outcome


def test_a_run_learns_and_the_same_run_gives_the_same_score(played: Score) -> None:
    assert 0.4 < played.final_gap < 1.0
    assert 0.1 < played.online_gap < played.final_gap
    assert played.smallest == pytest.approx(0.01 / 6)
    assert scored(RUN) == played
    assert scored(replace(RUN, seed=1)) != played


def test_settings_make_the_difference(played: Score) -> None:
    (cautious,) = grid({"gamma_scale": ["1"], "epsilon": ["0.4"]})[1:]
    explored = scored(replace(RUN, trial=cautious))
    assert explored.smallest >= 0.4 / 6 - 1e-9
    assert explored.final_gap < played.final_gap


def test_the_engine_learns_too() -> None:
    assert scored(replace(RUN, trial=grid({"learner": ["vowpal"]})[-1])).final_gap > 0.2


@pytest.mark.parametrize("name", WORLDS)
def test_every_named_world_can_be_made_and_says_what_for(name: str) -> None:
    own = WORLDS[name]
    assert own.purpose
    rehearsal = own.rehearsal(3, shape=SHAPE)
    np.testing.assert_array_equal(rehearsal.viewers, own.rehearsal(3, shape=SHAPE).viewers)
    assert rehearsal.seed == 3
    viewers, titles = rehearsal.world.pairs()
    valued = rehearsal.world.expected_rewards(viewers, titles, at=1.0)
    plays = rehearsal.world.play_rates(viewers, titles, at=1.0) * rehearsal.world.eligible(titles, at=1.0)
    worth_less = bool((valued < plays - 1e-9).any())
    assert (own.reward, worth_less) in {(TAKE, False), (QUALITY_PLAY, True)}
