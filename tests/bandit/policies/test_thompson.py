"""Thompson sampling: its probabilities are the integral that it says, and chance goes to what is not known yet."""

from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from bandit.errors import IncompatibleModel
from bandit.exploration import best_of_normals
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.linear.model import Certainty, LinearModel, linear_model_from
from bandit.linear.settings import LinearSettings
from bandit.policies.thompson import ThompsonPolicy
from bandit.policies.weights import Weights
from bandit.registry import load_policy, space_of


def test_the_chance_to_be_best_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(0)
    mean, spread = rng.normal(size=(5, 6)), rng.uniform(0.1, 2.0, size=(5, 6))
    stated = best_of_normals(mean, spread)
    draws = mean[:, None] + spread[:, None] * rng.normal(size=(5, 200_000, 6))
    counted = np.stack([np.bincount(each.argmax(axis=1), minlength=6) for each in draws]) / 200_000
    assert stated == pytest.approx(counted, abs=0.005)
    assert stated.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-12)


def test_two_normals_have_a_closed_form() -> None:
    stated = best_of_normals(np.array([[0.0, 1.0]]), np.array([[3.0, 4.0]]))
    assert stated[0, 1] == pytest.approx(0.5793, abs=1e-4)  # Φ(1 / 5)


@pytest.mark.parametrize(("ratio", "error"), [(1.0, 1e-7), (0.1, 1e-7), (0.01, 0.01), (1e-6, 0.01)])
def test_the_quadrature_is_as_exact_as_it_says(ratio: float, error: float) -> None:
    for ahead in np.linspace(-2.0, 2.0, 41):
        stated = best_of_normals(np.array([[0.0, ahead]]), np.array([[1.0, ratio]]))
        assert stated[0, 1] == pytest.approx(NormalDist().cdf(ahead / np.hypot(1.0, ratio)), abs=error)


@pytest.fixture(scope="module")
def by_rows(small_log: Any, config: LearnConfig, provenance: Provenance) -> dict[int, LearnedModel]:
    config = replace(config, settings=LinearSettings(sampling="thompson"), apart=False)
    return {
        rows: learn(small_log.rows[:rows], small_log.pictures, config=config, provenance=provenance)
        for rows in (60, 1500)
    }


def entropy(model: LearnedModel, small_log: Any) -> float:
    policy = load_policy(model.bundle, model.manifest.digest)
    stated = np.array(
        policy.page([(small_log.context(n), artworks) for n, artworks in enumerate(small_log.candidates)])
    )
    return float(-(stated * np.log(stated)).sum(axis=1).mean())


def test_chance_shrinks_with_what_is_known(by_rows: dict[int, LearnedModel], small_log: Any) -> None:
    assert entropy(by_rows[1500], small_log) < entropy(by_rows[60], small_log) - 0.1


def sampler(learned: LearnedModel, *, certainty: Certainty | None) -> ThompsonPolicy:
    """A version that expects the same of every artwork, sure or not as told."""
    space = space_of(learned.bundle, learned.manifest.digest)
    spec, known = space.spec, len(space.known)
    weights = Weights(
        crossed=np.zeros((spec.context_width, spec.artwork_width)),
        artwork=np.zeros(spec.artwork_width),
        main=np.zeros(spec.main_width),
        own=np.zeros(known),
        experience=np.ones(known),
    )
    packed = linear_model_from(LinearModel(weights, certainty).to_bytes())
    return ThompsonPolicy(space, packed, version=learned.manifest.version, digest="0" * 64, epsilon=0.01)


def test_what_is_not_known_gives_a_newborn_artwork_its_chance(learned: LearnedModel, small_log: Any) -> None:
    """All are expected to do alike: the newborn one, of which little is known, is best more often than its share."""
    space = space_of(learned.bundle, learned.manifest.digest)
    known = len(space.known)
    nothing = np.zeros(0, dtype=np.int64)
    certainty = Certainty(nothing, np.zeros((0, 0)), np.zeros((known, 0)), np.full(known, 0.01), own_prior=1.0)
    policy = sampler(learned, certainty=certainty)
    title = small_log.candidates[1]
    newborn = replace(title[0], artwork="newborn", image="c" * 64)
    stated = policy.probabilities(small_log.context(0), [*title, newborn])
    assert stated[-1] > 0.35
    assert stated[:-1] == pytest.approx(np.full(len(title), (1 - stated[-1]) / len(title)))


def test_a_model_that_does_not_say_how_sure_it_is_cannot_be_sampled(learned: LearnedModel) -> None:
    with pytest.raises(IncompatibleModel, match="thompson"):
        sampler(learned, certainty=None)


def test_a_version_that_remembers_no_artwork_states_probabilities(learned: LearnedModel, small_log: Any) -> None:
    space = replace(space_of(learned.bundle, learned.manifest.digest), known=())
    spec, nothing = space.spec, np.zeros(0)
    weights = Weights(
        crossed=np.zeros((spec.context_width, spec.artwork_width)),
        artwork=np.zeros(spec.artwork_width),
        main=np.zeros(spec.main_width),
        own=nothing,
        experience=nothing,
    )
    certainty = Certainty(nothing.astype(np.int64), np.zeros((0, 0)), np.zeros((0, 0)), nothing, own_prior=1.0)
    model = LinearModel(weights, certainty)
    policy = ThompsonPolicy(space, model, version=learned.manifest.version, digest="0" * 64, epsilon=0.01)
    stated = policy.probabilities(small_log.context(0), small_log.candidates[0])
    assert stated == pytest.approx(np.full(4, 0.25), abs=1e-12)
