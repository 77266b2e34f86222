"""Golden pages: forty of every kind, the same each time, and a policy that states anything else is caught."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.context import Candidate, Context
from bandit.decision import PolicyVersionId
from bandit.errors import GoldenMismatch
from bandit.golden import PAGES, Golden, Quantized, check_golden, golden_pages, largest_difference
from bandit.learning import LearnConfig, Provenance, learn
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.uniform import UniformPolicy
from bandit.policies.vowpal import EngineSettings
from bandit.registry import load_engine, load_policy, space_of


class Off(Policy):
    """States what another policy does, and `difference` more for the first artwork of the last of 24."""

    def __init__(self, policy: Policy, change: Any) -> None:
        self.version, self.digest = PolicyVersionId("off"), "0" * 64
        self._policy = policy
        self._change = change

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        stated = self._policy.probabilities(context, artworks)
        return self._change(stated) if len(artworks) == 24 else stated


@pytest.fixture(scope="module")
def policy(learned: Any) -> Policy:
    return load_policy(learned.bundle, learned.manifest.digest)


@pytest.fixture(scope="module")
def golden(learned: Any) -> Golden:
    return learned.manifest.golden


def test_the_pages_are_of_every_kind(golden: Golden, learned: Any) -> None:
    pages, known = golden.pages, set(space_of(learned.bundle, learned.manifest.digest).known)
    slots = [slot for page in pages for slot in page.slots]
    assert len(pages) == PAGES == 40
    assert {len(slot.artworks) for slot in slots} >= {1, 2, 24}
    assert {page.viewer is None for page in pages} == {slot.score is None for slot in slots} == {True, False}
    assert {page.request.device for page in pages} >= {"tv", "refrigerator", None}
    assert len({page.request.at.date() for page in pages}) >= 7
    images = {artwork.image for artwork in golden.artworks}
    assert images & known
    assert images - known
    assert any(artwork.labels and artwork.measures for artwork in golden.artworks)


def test_every_page_has_probabilities_and_not_all_are_alike(golden: Golden) -> None:
    slots = [slot for page in golden.pages for slot in page.slots]
    for slot in slots:
        assert len(slot.probabilities) == len(slot.artworks)
        assert sum(slot.probabilities) == pytest.approx(1.0, abs=1e-9)
    assert np.mean([max(slot.probabilities) > 2 / len(slot.artworks) for slot in slots if len(slot.artworks) > 2]) > 0.5


def test_made_up_vectors_lie_where_real_ones_do(golden: Golden, small_log: Any) -> None:
    real = np.stack([candidate.vector for title in small_log.candidates for candidate in title])
    made_up = np.stack([artwork.vector.vector() for artwork in golden.artworks])
    assert made_up.shape[1] == real.shape[1]
    assert np.linalg.norm(made_up, axis=1).mean() == pytest.approx(1.0, abs=0.5)
    assert made_up.std(axis=0) == pytest.approx(real.std(axis=0), rel=0.9)


def test_they_are_the_same_each_time_and_survive_json(policy: Policy, golden: Golden, learned: Any) -> None:
    space = space_of(learned.bundle, learned.manifest.digest)
    assert golden_pages(policy, space) == golden
    assert golden_pages(policy, space, seed=1) != golden
    assert msgspec.json.decode(golden.to_json(), type=Golden) == golden
    assert len(golden.to_json()) < 200_000


def test_a_space_without_viewers_and_known_artworks_has_pages_too(learned: Any) -> None:
    space = replace(space_of(learned.bundle, learned.manifest.digest), viewers=None, intents=None, known=())
    golden = golden_pages(UniformPolicy(), space)
    assert {page.viewer for page in golden.pages} == {None}
    check_golden(UniformPolicy(), golden)


def test_a_vector_in_small_integers_has_its_direction_and_length() -> None:
    found = Quantized(bytes([3, 252]), 10.0).vector()
    assert found == pytest.approx([6.0, -8.0])
    assert found.dtype == np.float32


def test_c7_a_version_states_its_golden_pages(policy: Policy, golden: Golden) -> None:
    check_golden(policy, golden)
    assert largest_difference(policy, golden) < 1e-11


@pytest.mark.parametrize(
    "change",
    [
        lambda stated: stated + np.eye(24)[3] * 2e-9,
        lambda stated: np.roll(stated, 1),
        lambda stated: stated * np.nan,
        lambda stated: stated[:-1],
        lambda stated: np.full(24, 1 / 24),
    ],
    ids=["a little", "another order", "no number", "too few", "nothing learned"],
)
def test_c7_a_policy_that_states_anything_else_is_refused(policy: Policy, golden: Golden, change: Any) -> None:
    with pytest.raises(GoldenMismatch, match="learn the version again"):
        check_golden(Off(policy, change), golden)


def test_c7_a_version_without_a_page_is_refused(policy: Policy, golden: Golden) -> None:
    with pytest.raises(GoldenMismatch, match="no golden page"):
        check_golden(policy, msgspec.structs.replace(golden, pages=()))


def test_c7_where_the_engine_learned_it_states_the_golden_pages_too(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    """Under a gamma that does not turn the engine's float32 rounding of costs into probability (docs/choice.md)."""
    settings = EngineSettings(gamma_scale=1.0)
    model = learn(small_log.rows, small_log.pictures, config=replace(config, settings=settings), provenance=provenance)
    engine = load_engine(model.bundle, model.manifest.digest)
    assert largest_difference(engine, model.manifest.golden) < 1e-5
