"""How much each artwork is explored: a late-born one as on the first day, a settled one no more, whatever the age."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.context import Candidate
from bandit.decision import RewardedDecision
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.linear.learner import SETTLED_EXPERIENCE
from bandit.linear.settings import LinearSettings
from bandit.policies.compiled import CompiledPolicy
from bandit.registry import load_policy

EPSILON = 0.01


def half_a_year(rows: list[RewardedDecision], count: int) -> list[RewardedDecision]:
    """The log lived through again and again until it has `count` rows, evenly over 182 days."""
    step = timedelta(days=182) / count
    return [
        replace(row, page=msgspec.structs.replace(row.page, at=row.page.at + number * step))
        for number, row in enumerate(rows * (1 + count // len(rows)))
    ][:count]


def compiled(model: LearnedModel) -> CompiledPolicy:
    policy = load_policy(model.bundle, model.manifest.digest)
    assert isinstance(policy, CompiledPolicy)
    return policy


def chances_of_a_newborn(model: LearnedModel, small_log: Any, newborns: list[Candidate]) -> np.ndarray:
    """What each viewer is given of an artwork that has just come to a title with four known ones: (n,)."""
    policy = compiled(model)
    asked = [
        (small_log.context(viewer), [*artworks, newborn])
        for viewer in range(60)
        for artworks in small_log.candidates
        for newborn in newborns
    ]
    return np.array([stated[-1] for stated in policy.page(asked)])


@pytest.fixture(scope="module")
def newborns(make_candidate: Callable[..., Candidate]) -> list[Candidate]:
    return [make_candidate(f"newborn-{number}") for number in range(8)]


@pytest.fixture(scope="module")
def unfloored(config: LearnConfig) -> LearnConfig:
    """Without a floor, which would take a little from every artwork above it."""
    return replace(config, settings=LinearSettings(epsilon=0.0), apart=False)


@pytest.mark.parametrize("decisions", [100, 20_000])
@pytest.mark.parametrize("half_life", [None, 30.0])
def test_an_artwork_of_month_six_is_explored_as_a_first_day_one(
    small_log: Any,
    unfloored: LearnConfig,
    provenance: Provenance,
    newborns: list[Candidate],
    decisions: int,
    half_life: float | None,
) -> None:
    rows = half_a_year(small_log.rows, decisions)
    config = replace(unfloored, settings=LinearSettings(epsilon=0.0, half_life_days=half_life))
    model = learn(rows, small_log.pictures, config=config, provenance=provenance)
    assert model.manifest.rows > decisions / 2
    chances = chances_of_a_newborn(model, small_log, newborns)
    assert chances.min() >= 1 / 5 - 1e-12
    assert np.mean(chances > 1 / 4) < 0.5, "it must not be the best for most"


def test_the_floor_takes_no_more_than_itself_from_a_late_artwork(
    small_log: Any, config: LearnConfig, provenance: Provenance, newborns: list[Candidate]
) -> None:
    rows = half_a_year(small_log.rows, 5000)
    model = learn(rows, small_log.pictures, config=replace(config, apart=False), provenance=provenance)
    assert chances_of_a_newborn(model, small_log, newborns).min() >= 1 / 5 - EPSILON / 2


def test_the_engines_one_clock_gives_a_late_artwork_less(
    engine_learned: LearnedModel, small_log: Any, newborns: list[Candidate]
) -> None:
    """What the test above would be blind to if every policy passed it."""
    assert chances_of_a_newborn(engine_learned, small_log, newborns).min() < 1 / 10


def test_a_settled_artwork_that_is_not_best_gets_the_floor_and_no_more(
    small_log: Any, config: LearnConfig, provenance: Provenance, newborns: list[Candidate]
) -> None:
    """With a small gamma, so that all others are explored a lot."""
    settled, unsettled = small_log.candidates[0][:2], small_log.candidates[0][2:]
    config = replace(config, settings=LinearSettings(gamma_scale=1.0), apart=False)
    keys = frozenset(candidate.image[:16] for candidate in settled)
    before = learn(small_log.rows, small_log.pictures, config=config, provenance=provenance)
    model = learn(small_log.rows, small_log.pictures, config=replace(config, settled=keys), provenance=provenance)
    assert model.manifest.settled == len(keys)
    assert model.manifest.digest != before.manifest.digest
    slate = [*settled, *unsettled, newborns[0]]
    asked = [(small_log.context(viewer), slate) for viewer in range(60)]
    policy = compiled(model)
    stated, costs = np.array(policy.page(asked)), np.array(policy.page_costs(asked))
    best = costs.argmin(axis=1)
    assert set(best.tolist()) >= {0, 1}, "some viewers must like the settled ones best"
    for place in range(2):
        assert stated[best != place, place] == pytest.approx(EPSILON / len(slate), abs=1e-15)
        assert stated[best == place, place].min() > 0.3
    assert stated[:, 2:4].min() > 5 * EPSILON
    assert stated[:, 4].min() > 1 / len(slate) - EPSILON / 2
    assert np.array(compiled(before).page(asked))[:, :4].min() > 5 * EPSILON


def test_learning_on_knows_how_often_a_once_settled_artwork_was_shown(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    """Settled is said anew by each learning: kept sums hold what was counted, never what was made of it."""
    config = replace(config, apart=False)
    keys = frozenset(small_log.pictures)
    first = learn(small_log.rows[:900], small_log.pictures, config=replace(config, settled=keys), provenance=provenance)
    assert set(compiled(first).weights.experience) == {SETTLED_EXPERIENCE}
    onward = learn(small_log.rows[900:], small_log.pictures, config=config, provenance=provenance, onward=first)
    whole = learn(small_log.rows, small_log.pictures, config=config, provenance=provenance)
    assert onward.manifest.settled == 0
    assert compiled(onward).weights.experience == pytest.approx(compiled(whole).weights.experience)


def test_artworks_that_nobody_was_shown_are_never_settled(
    small_log: Any, config: LearnConfig, provenance: Provenance, newborns: list[Candidate]
) -> None:
    unknown = frozenset(newborn.image[:16] for newborn in newborns)
    config = replace(config, apart=False)
    one, other = (
        learn(small_log.rows[:300], small_log.pictures, config=each, provenance=provenance)
        for each in (config, replace(config, settled=unknown))
    )
    assert one == other


def test_engine_versions_take_no_notice_of_settled_artworks(
    engine_learned: LearnedModel, small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    everything = replace(config, settings=engine_learned.manifest.settings, settled=frozenset(small_log.pictures))
    again = learn(small_log.rows, small_log.pictures, config=everything, provenance=provenance)
    assert (again.bundle, again.manifest.settled) == (engine_learned.bundle, 0)


def test_versions_that_sample_by_thompsons_rule_claim_no_settled_artworks(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    """They explore by how sure they are, which a verdict changes nothing of."""
    config = replace(config, settings=LinearSettings(sampling="thompson"), apart=False)
    rows, everything = small_log.rows[:200], frozenset(small_log.pictures)
    one, other = (
        learn(rows, small_log.pictures, config=each, provenance=provenance)
        for each in (config, replace(config, settled=everything))
    )
    assert (one, one.manifest.settled) == (other, 0)
