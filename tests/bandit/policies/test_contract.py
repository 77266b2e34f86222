"""What every policy promises; each one inherits the same tests."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from artwork.projection import InvalidProjection
from bandit.context import Candidate, Context, RequestContext
from bandit.errors import InvalidExample, NoEligibleArtwork
from bandit.learning import LearnConfig, Provenance, learn
from bandit.linear.settings import LinearSettings
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from bandit.registry import load_engine, load_policy

AT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
Maker = Callable[..., Candidate]


@pytest.fixture(scope="module")
def engine(engine_learned: Any) -> Policy:
    return load_engine(engine_learned.bundle, engine_learned.manifest.digest)


@pytest.fixture(scope="module")
def compiled_engine(engine_learned: Any) -> Policy:
    return load_policy(engine_learned.bundle, engine_learned.manifest.digest)


@pytest.fixture(scope="module")
def thompson(small_log: Any, config: LearnConfig, provenance: Provenance) -> Policy:
    config = replace(config, settings=LinearSettings(sampling="thompson"), apart=False)
    model = learn(small_log.rows, small_log.pictures, config=config, provenance=provenance)
    return load_policy(model.bundle, model.manifest.digest)


@pytest.fixture(scope="module")
def compiled(learned: Any) -> Policy:
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
            assert np.array_equal(stated, policy.probabilities(context, artworks))

    def test_a_title_without_artwork_is_refused(self, policy: Policy, make_candidate: Maker) -> None:
        with pytest.raises(NoEligibleArtwork, match="upload or activate"):
            policy.probabilities(contexts()[0], [])
        with pytest.raises(NoEligibleArtwork):
            policy.page([(contexts()[0], [make_candidate("a")]), (contexts()[1], [])])

    def test_an_artwork_that_is_listed_twice_is_refused(self, policy: Policy, make_candidate: Maker) -> None:
        with pytest.raises(InvalidExample, match="list each of a title's artworks once"):
            policy.probabilities(contexts()[0], [make_candidate(name) for name in "aba"])

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


class LearnedContract(PolicyContract):
    """What a learned version promises besides, whichever way it is asked."""

    def test_c6_nothing_is_under_the_floor(self, policy: Policy, make_candidate: Maker) -> None:
        artworks = [make_candidate(f"a{n}") for n in range(6)]
        least = min(policy.probabilities(context, artworks).min() for context in contexts())
        assert least >= policy.floor / 6 * (1 - 1e-12)
        assert policy.floor == 0.01

    def test_c12_it_names_the_versions_it_understands(self, policy: Policy) -> None:
        assert (policy.embedding_version, policy.foundation_version) == ("clip-1", "viewers-1")

    def test_c12_a_viewer_vector_of_another_dimension_is_refused(self, policy: Policy, make_candidate: Maker) -> None:
        artworks = [make_candidate(f"a{n}") for n in range(6)]
        request = RequestContext(at=AT, device="tv")
        other = Context(request=request, viewer_vector=np.ones(5, dtype=np.float32))
        with pytest.raises(InvalidExample, match="viewers-1"):
            policy.probabilities(other, artworks)

    def test_it_learns_who_likes_what(self, policy: Policy, small_log: Any) -> None:
        to_liked, uniformly = [], []
        for viewer in range(60):
            for artworks in small_log.candidates:
                liked = small_log.likes(viewer, artworks)
                to_liked.append(policy.probabilities(small_log.context(viewer), artworks)[liked].sum())
                uniformly.append(liked.mean())
        assert np.mean(to_liked) > 0.7
        assert np.mean(uniformly) < 0.6

    def test_threads_may_share_a_policy(self, policy: Policy, small_log: Any) -> None:
        slots = [(small_log.context(viewer), small_log.candidates[viewer % 6]) for viewer in range(60)]
        expected = policy.page(slots)
        answers: list[bool] = []

        def ask() -> None:
            answers.extend(np.array_equal(policy.page(slots), expected) for _ in range(20))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [True] * 80

    def test_an_artwork_born_after_learning_is_scored_from_its_features(self, policy: Policy, small_log: Any) -> None:
        title = small_log.candidates[0]
        viewer = int(np.argmax(small_log.viewers[:, 0]))
        by_liking = sorted(title, key=lambda candidate: candidate.vector[0])
        liked = replace(by_liking[-1], artwork="new", image="f" * 64)
        disliked = replace(by_liking[0], artwork="new", image="e" * 64)

        def share(newborn: Candidate) -> float:
            return float(policy.probabilities(small_log.context(viewer), [*title[:2], newborn])[-1])

        assert share(liked) > share(disliked)

    def test_vectors_that_do_not_fit_are_refused(self, policy: Policy, small_log: Any) -> None:
        [one, *others] = small_log.candidates[0]
        for broken in (np.full(12, np.nan, dtype=np.float32), np.ones(13, dtype=np.float32)):
            damaged = replace(one, image="d" * 64, vector=broken)
            with pytest.raises(InvalidProjection):
                policy.probabilities(small_log.context(0), [damaged, *others])
        nowhere = replace(small_log.context(0), viewer_vector=np.full(8, np.inf, dtype=np.float32))
        with pytest.raises(InvalidExample, match="viewer vector"):
            policy.probabilities(nowhere, small_log.candidates[0])


class TestVowpal(LearnedContract):
    @pytest.fixture
    def policy(self, engine: Policy) -> Policy:
        return engine


class TestCompiled(LearnedContract):
    @pytest.fixture
    def policy(self, compiled: Policy) -> Policy:
        return compiled


class TestCompiledFromTheEngine(LearnedContract):
    @pytest.fixture
    def policy(self, compiled_engine: Policy) -> Policy:
        return compiled_engine


class TestThompson(LearnedContract):
    @pytest.fixture
    def policy(self, thompson: Policy) -> Policy:
        return thompson
