"""The compiled version against the engine it was exported from, on the same pages."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandit.context import Candidate, Context
from bandit.features import FeatureSpec
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.policies.vowpal import EngineSettings
from bandit.registry import load_engine, load_policy

PAGES, SLOTS = 100, 20


def pages(small_log: Any, make_candidate: Any) -> list[list[tuple[Context, list[Candidate]]]]:
    """Random pages: viewers of the log and newcomers, artworks of the log and newborn ones, 1 to 9 a title."""
    rng = np.random.default_rng(11)
    known = [candidate for artworks in small_log.candidates for candidate in artworks]
    newborn = [make_candidate(f"new{n}") for n in range(8)]
    pool = [replace(candidate, artwork=f"{n}") for n, candidate in enumerate([*known, *newborn])]
    made: list[list[tuple[Context, list[Candidate]]]] = []
    for number in range(PAGES):
        shown = small_log.context(int(rng.integers(60)))
        request = replace(shown, viewer_vector=shown.viewer_vector if number % 5 else None)
        made.append(
            [
                (
                    replace(request, position=slot, score=float(rng.normal())),
                    [pool[n] for n in shown_of(rng, len(pool))],
                )
                for slot in range(SLOTS)
            ]
        )
    return made


def shown_of(rng: np.random.Generator, artworks: int) -> list[int]:
    return rng.permutation(artworks)[: rng.integers(1, 10)].tolist()


def differences(model: LearnedModel, asked: list[list[tuple[Context, list[Candidate]]]]) -> np.ndarray:
    """The largest difference of a probability in every slot: (pages · slots,)."""
    engine, compiled = (load(model.bundle, model.manifest.digest) for load in (load_engine, load_policy))
    return np.array(
        [
            np.abs(one - other).max()
            for page in asked
            for one, other in zip(engine.page(page), compiled.page(page), strict=True)
        ]
    )


@pytest.mark.parametrize("own_term", [True, False])
def test_it_states_what_the_engine_states(
    small_log: Any, config: LearnConfig, provenance: Provenance, make_candidate: Any, own_term: bool
) -> None:
    gentle = replace(config, settings=EngineSettings(gamma_scale=1.0), spec=FeatureSpec(own_term=own_term))
    model = learn(small_log.rows, small_log.pictures, config=gentle, provenance=provenance)
    assert differences(model, pages(small_log, make_candidate)).max() <= 1e-5


def test_under_the_shipped_settings_only_the_engines_rounding_of_near_ties_differs(
    engine_learned: LearnedModel, small_log: Any, make_candidate: Any
) -> None:
    # gamma of some 45,000 turns the engine's float32 error in a cost, 1e-7, into 1e-4 where two costs nearly tie
    apart = differences(engine_learned, pages(small_log, make_candidate))
    assert np.mean(apart > 1e-5) < 0.03
    assert apart.max() < 1e-3


def test_its_table_of_artworks_grows_without_changing_what_it_states(
    learned: LearnedModel, small_log: Any, make_candidate: Any
) -> None:
    policy = load_policy(learned.bundle, learned.manifest.digest)
    before = policy.probabilities(small_log.context(0), small_log.candidates[0])
    many = [make_candidate(f"many{n}") for n in range(600)]
    crowd = policy.probabilities(small_log.context(0), many)
    assert np.array_equal(policy.probabilities(small_log.context(0), small_log.candidates[0]), before)
    fresh = load_policy(learned.bundle, learned.manifest.digest)
    assert np.array_equal(fresh.probabilities(small_log.context(0), many), crowd)
