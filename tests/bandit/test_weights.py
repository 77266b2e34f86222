"""How much a row counts: as often as it stands for decisions, and no more than the clip."""

import io
import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.decision import RewardedDecision
from bandit.errors import InvalidExample
from bandit.learners import LearnerSettings
from bandit.learning import LearnConfig, Provenance, learn
from bandit.linear.settings import LinearSettings
from bandit.policies.vowpal import EngineSettings
from bandit.registry import load_policy

SETTINGS: list[LearnerSettings] = [LinearSettings(), EngineSettings(passes=1)]


def kept(row: RewardedDecision, share: float) -> RewardedDecision:
    return replace(row, page=msgspec.structs.replace(row.page, kept=share))


def stated(rows: list[RewardedDecision], small_log: Any, config: LearnConfig, provenance: Provenance) -> Any:
    model = learn(rows, small_log.pictures, config=replace(config, apart=False), provenance=provenance)
    policy = load_policy(model.bundle, model.manifest.digest)
    slots = [(small_log.context(viewer), small_log.candidates[viewer % 6]) for viewer in range(20)]
    return np.concatenate(policy.page(slots)), model.manifest


def test_the_linear_learner_counts_a_row_as_often_as_it_stands_for_decisions(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    rows = small_log.rows[:300]
    shed = [kept(row, 0.25 if number % 3 == 0 else 1.0) for number, row in enumerate(rows)]
    copied = [row for number, row in enumerate(rows) for _ in range(4 if number % 3 == 0 else 1)]
    config = replace(config, settings=LinearSettings())
    of_shed, of_copies = (
        learn(each, small_log.pictures, config=replace(config, apart=False), provenance=provenance)
        for each in (shed, copied)
    )
    sums, copies = (np.load(io.BytesIO(each.sums or b"")) for each in (of_shed, of_copies))
    for name in ("rows", "rewards", "contexts", "rewarded", "crossed", "squares"):
        np.testing.assert_allclose(sums[name], copies[name], rtol=1e-6, atol=1e-9)
    one, other = of_shed.manifest, of_copies.manifest
    assert one.metrics["mean_reward"] == pytest.approx(other.metrics["mean_reward"], rel=1e-12)
    assert one.examples == other.examples
    assert (one.rows, other.rows) == (len(rows) - one.held_out, len(copied) - other.held_out)


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_clip_bounds_what_one_row_may_count(
    small_log: Any, config: LearnConfig, provenance: Provenance, settings: LearnerSettings
) -> None:
    """Rows drawn with a quarter weigh 4 in the engine, 1 in the linear learner; shed ones a hundred times that."""
    rows = small_log.rows[:300]
    shed = [kept(row, 0.01 if number % 50 == 0 else 1.0) for number, row in enumerate(rows)]
    plain = 4.0 if isinstance(settings, EngineSettings) else 1.0
    clipped = replace(config, settings=msgspec.structs.replace(settings, clip=plain))
    once, _ = stated(rows, small_log, replace(config, settings=settings), provenance)
    bounded, manifest = stated(shed, small_log, clipped, provenance)
    wild, _ = stated(shed, small_log, replace(config, settings=settings), provenance)
    if isinstance(settings, LinearSettings):
        assert bounded == pytest.approx(once, abs=1e-12)
        assert "--clip" in manifest.arguments
    assert np.abs(bounded - once).max() < np.abs(wild - once).max()


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("clip", [0.0, 0.5, -3.0, math.nan])
def test_a_clip_below_one_is_refused(settings: LearnerSettings, clip: float) -> None:
    with pytest.raises(ValueError, match="give more, or leave it out"):
        type(settings)(clip=clip)


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_without_a_clip_are_written_as_before_there_was_one(settings: LearnerSettings) -> None:
    """Else the manifests of older versions would not be what was written."""
    assert b"clip" not in msgspec.json.encode(settings)
    clipped = msgspec.structs.replace(settings, clip=50.0)
    assert msgspec.json.decode(msgspec.json.encode(clipped), type=LearnerSettings) == clipped


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, math.nan])
def test_a_row_that_was_kept_with_no_probability_is_refused(
    small_log: Any, config: LearnConfig, provenance: Provenance, share: float
) -> None:
    rows = [kept(row, share) for row in small_log.rows[:20]]
    with pytest.raises(InvalidExample, match="logged with probability"):
        learn(rows, small_log.pictures, config=config, provenance=provenance)
