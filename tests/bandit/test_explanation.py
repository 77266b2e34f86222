"""Explanations add up to what the compiled policy predicts, and name the feature that made the difference."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandit.context import Candidate, Context
from bandit.errors import InvalidExample
from bandit.explanation import explain
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.vowpal import EngineSettings
from bandit.policies.weights import Weights
from bandit.registry import load_policy


def made_up(space: Any, **only: Any) -> Weights:
    """Weights that fit the space: random, or nothing but those that are given."""
    rng, spec, known = np.random.default_rng(3), space.spec, len(space.known)
    scale = 0.0 if only else 0.3
    made = Weights(
        crossed=scale * rng.normal(size=(spec.context_width, spec.artwork_width)),
        artwork=scale * rng.normal(size=spec.artwork_width),
        main=scale * rng.normal(size=spec.main_width),
        own=scale * rng.normal(size=known),
        experience=np.full(known, 100.0),
    )
    return replace(made, **only)


def policy_of(space: Any, weights: Weights) -> CompiledPolicy:
    exploration = EngineSettings().exploration()
    return CompiledPolicy(space, weights, version="v", digest="0" * 64, exploration=exploration)


@pytest.fixture(scope="module")
def space(learned: Any) -> Any:
    loaded = load_policy(learned.bundle, learned.manifest.digest)
    assert isinstance(loaded, CompiledPolicy)
    return loaded.space


def slots(small_log: Any, make_candidate: Any) -> list[tuple[Context, list[Candidate]]]:
    """Known viewers and newcomers, known and newborn artworks with and without descriptions."""
    described = replace(make_candidate("described"), labels={"shot": "close-up"}, measures={"brightness": 0.7})
    return [
        (
            replace(context, position=n, score=n / 7, viewer_vector=context.viewer_vector if n else None),
            [*small_log.candidates[n % 6], make_candidate("newborn"), described],
        )
        for n, context in enumerate(map(small_log.context, range(30)))
    ]


def test_contributions_add_up_to_the_difference_of_the_predictions(
    space: Any, small_log: Any, make_candidate: Any
) -> None:
    policy = policy_of(space, made_up(space))
    for context, artworks in slots(small_log, make_candidate):
        [costs] = policy.page_costs([(context, artworks)])
        for place, artwork in enumerate(artworks):
            told = explain(policy, context, artworks, artwork=artwork.artwork, other=artworks[0].artwork)
            assert told.advantage == sum(told.contributions.values())
            assert told.advantage == pytest.approx(costs[0] - costs[place], abs=1e-9)
            assert (told.reward, told.other_reward) == (1 - costs[place], 1 - costs[0])


def test_every_feature_of_the_schema_is_named_once(space: Any, small_log: Any, make_candidate: Any) -> None:
    context, artworks = slots(small_log, make_candidate)[1]
    told = explain(policy_of(space, made_up(space)), context, artworks, artwork="newborn", other="described")
    features = {feature.name for feature in space.spec.features}
    looks = {look.name for look in space.spec.looks}
    assert set(told.contributions) == {"viewer", "intent", "clip", "own"} | features | looks
    assert len(told.contributions) == 4 + len(features) + len(looks)


@pytest.mark.parametrize("feature", ["viewer", "device", "position"])
def test_a_feature_that_alone_has_weight_makes_the_whole_difference(
    space: Any, small_log: Any, make_candidate: Any, feature: str
) -> None:
    crossed = np.zeros((space.spec.context_width, space.spec.artwork_width))
    crossed[[*space.spec.context_groups[feature]]] = 1.0
    policy = policy_of(space, made_up(space, crossed=crossed))
    context, artworks = slots(small_log, make_candidate)[1]
    told = explain(policy, context, artworks, artwork=artworks[0].artwork, other=artworks[1].artwork)
    assert {name for name, value in told.contributions.items() if value} == {feature}
    assert told.contributions[feature] == pytest.approx(told.reward - told.other_reward, abs=1e-12)


def test_own_terms_and_labels_are_told_apart(space: Any, small_log: Any, make_candidate: Any) -> None:
    main = np.zeros(space.spec.main_width)
    main[space.spec.main_groups["brightness"][0]] = -1.0
    own = np.zeros(len(space.known))
    own[space.known_places([small_log.candidates[1][2].image[:16]])[0]] = 0.25
    context, artworks = slots(small_log, make_candidate)[1]
    policy = policy_of(space, made_up(space, main=main, own=own))
    told = explain(policy, context, artworks, artwork="described", other=artworks[2].artwork)
    assert {name: value for name, value in told.contributions.items() if value} == pytest.approx(
        {"brightness": 0.7 - artworks[2].measures["brightness"], "own": 0.25 - 0.25 / 4}, abs=1e-6
    )


def test_an_artwork_that_was_not_eligible_cannot_be_explained(space: Any, small_log: Any) -> None:
    with pytest.raises(InvalidExample, match="name two of them"):
        explain(
            policy_of(space, made_up(space)), small_log.context(0), small_log.candidates[0], artwork="a0", other="x"
        )
