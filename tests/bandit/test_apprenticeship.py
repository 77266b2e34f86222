"""A process of its own learns what this one would, bit by bit, and says how far it is."""

from dataclasses import replace
from typing import Any

import pytest

from bandit.learners import LearnerSettings
from bandit.learning import LearnConfig, Provenance, learn
from bandit.linear.settings import LinearSettings
from bandit.policies.vowpal import EngineSettings

pytestmark = pytest.mark.usefixtures("apart")


@pytest.mark.parametrize("settings", [LinearSettings(), EngineSettings()])
def test_c9_a_process_of_its_own_learns_the_same(
    small_log: Any, config: LearnConfig, provenance: Provenance, settings: LearnerSettings
) -> None:
    config = replace(config, settings=settings)
    told: list[float] = []
    rows, pictures = small_log.rows[:300], small_log.pictures
    here = learn(rows, pictures, config=replace(config, apart=False), provenance=provenance)
    assert learn(rows, pictures, config=config, provenance=provenance, progress=told.append) == here
    assert (told, told[-1]) == (sorted(told), 1.0)
