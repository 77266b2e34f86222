"""What every policy promises; each one inherits the same tests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from bandit.context import Candidate, Context, RequestContext
from bandit.errors import NoEligibleArtwork
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from bandit.registry import load_policy

AT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
Maker = Callable[..., Candidate]


@pytest.fixture(scope="module")
def learned_policy(learned: Any) -> Policy:
    return load_policy(learned.bundle, learned.manifest.digest)


def contexts() -> list[Context]:
    request = RequestContext(at=AT, device="tv", row="new", canvas="portrait")
    viewers = np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
    known = [
        Context(request=request, viewer_vector=viewer, position=n, score=n / 7) for n, viewer in enumerate(viewers)
    ]
    return [*known, Context(request=request), Context(request=RequestContext(at=AT, device="fridge\n|x"))]


class PolicyContract:
    """Inherit it with a fixture called `policy`. Named so that pytest does not collect it by itself."""

    @pytest.mark.parametrize("count", [1, 2, 6, 40, 500])
    def test_c6_states_a_distribution(self, policy: Policy, make_candidate: Maker, count: int) -> None:
        artworks = [make_candidate(f"a{n:03d}", default=n == 2) for n in range(count)]
        for context in contexts():
            stated = policy.probabilities(context, artworks)
            assert stated.shape == (count,)
            assert stated.dtype == np.float64
            assert (stated >= 0).all()
            assert stated.sum() == pytest.approx(1.0, abs=1e-9)

    def test_one_artwork_is_certain(self, policy: Policy, make_candidate: Maker) -> None:
        assert [policy.probabilities(context, [make_candidate("only")]).tolist() for context in contexts()] == [
            [1.0]
        ] * len(contexts())

    def test_the_order_of_artworks_does_not_matter(self, policy: Policy, make_candidate: Maker) -> None:
        artworks = [make_candidate(f"a{n}", default=n in (3, 5)) for n in range(7)]
        shuffled = np.random.default_rng(0).permutation(7)
        for context in contexts():
            stated = policy.probabilities(context, artworks)
            assert np.array_equal(policy.probabilities(context, [artworks[n] for n in shuffled]), stated[shuffled])

    def test_the_same_question_gets_the_same_answer(self, policy: Policy, make_candidate: Maker) -> None:
        artworks = [make_candidate(f"a{n}") for n in range(5)]
        first = [policy.probabilities(context, artworks) for context in contexts()]
        again = [policy.probabilities(context, artworks) for context in contexts()]
        assert np.array_equal(first, again)

    def test_a_page_is_its_slots_one_by_one(self, policy: Policy, make_candidate: Maker) -> None:
        slots = [
            (context, [make_candidate(f"t{n}a{m}", default=m == 1) for m in range(1 + n)])
            for n, context in enumerate(contexts())
        ]
        for (context, artworks), stated in zip(slots, policy.page(slots), strict=True):
            assert stated == pytest.approx(policy.probabilities(context, artworks), abs=1e-12)

    def test_a_title_without_artwork_is_refused(self, policy: Policy, make_candidate: Maker) -> None:
        with pytest.raises(NoEligibleArtwork, match="upload or activate"):
            policy.probabilities(contexts()[0], [])
        with pytest.raises(NoEligibleArtwork):
            policy.page([(contexts()[0], [make_candidate("a")]), (contexts()[1], [])])

    def test_it_has_a_name_and_a_digest(self, policy: Policy) -> None:
        assert policy.version
        assert len(policy.digest) == 64
        assert bytes.fromhex(policy.digest)


class TestUniform(PolicyContract):
    @pytest.fixture
    def policy(self) -> Policy:
        return UniformPolicy()

    def test_gives_every_artwork_the_same(self, policy: Policy, make_candidate: Maker) -> None:
        stated = policy.probabilities(contexts()[0], [make_candidate(f"a{n}") for n in range(6)])
        assert stated.tolist() == [1 / 6] * 6


class TestDefaultArtwork(PolicyContract):
    @pytest.fixture
    def policy(self) -> Policy:
        return DefaultArtworkPolicy()

    @pytest.mark.parametrize(("marked", "shown"), [("b", 1), ("", 0), ("bc", 1)])
    def test_gives_all_to_the_marked_one_or_the_first(
        self, policy: Policy, make_candidate: Maker, marked: str, shown: int
    ) -> None:
        artworks = [make_candidate(name, default=name in marked) for name in "abc"]
        stated = policy.probabilities(contexts()[0], artworks)
        assert stated.tolist() == [float(n == shown) for n in range(3)]


class TestLearned(PolicyContract):
    @pytest.fixture
    def policy(self, learned_policy: Policy) -> Policy:
        return learned_policy

    def test_c6_nothing_is_under_the_floor(self, policy: Policy, make_candidate: Maker) -> None:
        artworks = [make_candidate(f"a{n}") for n in range(6)]
        least = min(policy.probabilities(context, artworks).min() for context in contexts())
        assert least >= 0.01 / 6 * (1 - 1e-12)

    def test_c12_it_names_the_versions_it_understands(self, policy: Policy) -> None:
        assert (policy.embedding_version, policy.foundation_version) == ("clip-1", "viewers-1")

    def test_c12_a_viewer_vector_of_another_dimension_counts_as_none(
        self, policy: Policy, make_candidate: Maker
    ) -> None:
        artworks = [make_candidate(f"a{n}") for n in range(6)]
        nobody = Context(request=RequestContext(at=AT, device="tv"))
        other = replace(nobody, viewer_vector=np.ones(5, dtype=np.float32))
        assert np.array_equal(policy.probabilities(other, artworks), policy.probabilities(nobody, artworks))
