"""The policies that others are compared with: what every policy promises, and the rule of each."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.context import Candidate
from bandit.decision import RewardedDecision
from bandit.encoding import FeatureSpace
from bandit.errors import IncompatibleModel
from bandit.exploration import InvalidExploration
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.epsilon_greedy import EpsilonGreedyPolicy
from bandit.policies.linucb import LinUcbPolicy, learn_arms
from bandit.policies.most_played import MostPlayedPolicy, Played, count_fairly, count_plays, most_played_from
from bandit.policies.policy import Policy
from bandit.registry import load_policy
from tests.bandit.policies.test_contract import Maker, PolicyContract, contexts


@pytest.fixture(scope="module")
def scored(learned: Any) -> CompiledPolicy:
    loaded = load_policy(learned.bundle, learned.manifest.digest)
    assert isinstance(loaded, CompiledPolicy)
    return loaded


@pytest.fixture(scope="module")
def space(scored: CompiledPolicy) -> FeatureSpace:
    return scored.space


@pytest.fixture(scope="module")
def linucb(small_log: Any, space: FeatureSpace) -> Policy:
    return LinUcbPolicy(space, learn_arms(small_log.rows, space), alpha=0.2)


class TestEpsilonGreedy(PolicyContract):
    @pytest.fixture
    def policy(self, scored: CompiledPolicy) -> Policy:
        return EpsilonGreedyPolicy(scored, epsilon=0.1)

    def test_gives_the_cheapest_all_but_chance(
        self, policy: Policy, scored: CompiledPolicy, make_candidate: Maker
    ) -> None:
        artworks = [make_candidate(name) for name in "dbac"]
        for context in contexts():
            [costs] = scored.page_costs([(context, artworks)])
            expected = np.where(np.arange(4) == costs.argmin(), 0.925, 0.025)
            assert policy.probabilities(context, artworks) == pytest.approx(expected)
        assert policy.floor == 0.1

    def test_without_chance_it_is_greedy(self, scored: CompiledPolicy, make_candidate: Maker) -> None:
        stated = EpsilonGreedyPolicy(scored, epsilon=0.0).probabilities(
            contexts()[0], [make_candidate(n) for n in "ab"]
        )
        assert sorted(stated.tolist()) == [0.0, 1.0]

    def test_another_chance_or_another_version_is_another_policy(self, scored: CompiledPolicy) -> None:
        one, other = (EpsilonGreedyPolicy(scored, epsilon=epsilon) for epsilon in (0.1, 0.2))
        assert one.version != other.version
        assert one.digest != other.digest
        assert (one.embedding_version, one.foundation_version) == ("clip-1", "viewers-1")

    @pytest.mark.parametrize("epsilon", [-0.1, 1.1, float("nan")])
    def test_chance_is_a_share(self, scored: CompiledPolicy, epsilon: float) -> None:
        with pytest.raises(InvalidExploration, match="give 0"):
            EpsilonGreedyPolicy(scored, epsilon=epsilon)


class TestMostPlayed(PolicyContract):
    @pytest.fixture
    def policy(self) -> Policy:
        return MostPlayedPolicy({}, epsilon=0.1)

    def counted(self, make_candidate: Maker, **counts: tuple[float, float]) -> tuple[list[Candidate], Policy]:
        artworks = {name: make_candidate(name) for name in counts}
        told = {artworks[name].image[:16]: Played(*own) for name, own in counts.items()}
        return [*artworks.values()], MostPlayedPolicy(told, epsilon=0.1, strength=50.0)

    def test_the_highest_rate_gets_all_but_the_floor(self, make_candidate: Maker) -> None:
        artworks, policy = self.counted(make_candidate, c=(1000, 50), a=(1000, 90), b=(1000, 20))
        for context in contexts():
            assert policy.probabilities(context, artworks) == pytest.approx([0.1 / 3, 1 - 0.2 / 3, 0.1 / 3])

    def test_a_few_lucky_plays_do_not_win(self, make_candidate: Maker) -> None:
        artworks, policy = self.counted(make_candidate, a=(1000, 90), b=(3, 1), c=(1000, 40))
        assert policy.probabilities(contexts()[0], artworks).argmax() == 0

    def test_an_artwork_never_counted_has_its_titles_rate(self, make_candidate: Maker) -> None:
        artworks, policy = self.counted(make_candidate, b=(1000, 50), c=(1000, 60))
        assert policy.probabilities(contexts()[0], [make_candidate("a"), *artworks]).argmax() == 2

    def test_plays_are_counted_by_the_artwork_that_was_shown(self, small_log: Any) -> None:
        counts = count_plays(small_log.rows)
        assert sum(own.seen for own in counts.values()) == len(small_log.rows)
        assert sum(own.plays for own in counts.values()) == sum(row.reward for row in small_log.rows)
        assert set(counts) <= set(small_log.pictures)

    def test_it_is_named_by_what_it_counted(self) -> None:
        names = {
            MostPlayedPolicy({"a": Played(9, 3)}).version,
            MostPlayedPolicy({"a": Played(9, 4)}).version,
            MostPlayedPolicy({"a": Played(9, 3)}, epsilon=0.2).version,
        }
        assert len(names) == 3

    def test_a_prior_has_weight(self) -> None:
        with pytest.raises(InvalidExploration, match="more than 0"):
            MostPlayedPolicy({}, strength=0.0)

    def test_its_bytes_are_the_policy_and_its_digest_is_theirs(self, make_candidate: Maker) -> None:
        artworks, policy = self.counted(make_candidate, c=(1000, 50), a=(1000, 90), b=(1000, 20.5))
        assert isinstance(policy, MostPlayedPolicy)
        loaded = load_policy(policy.to_bytes(), policy.digest)
        assert (loaded.version, loaded.digest, loaded.floor) == (policy.version, policy.digest, policy.floor)
        for context in contexts():
            assert loaded.probabilities(context, artworks).tolist() == policy.probabilities(context, artworks).tolist()

    def test_other_bytes_are_refused(self) -> None:
        with pytest.raises(IncompatibleModel, match="count again"):
            most_played_from(b'{"policy":"most-played","counts":[["a",[1,2,3]]],"epsilon":0.1,"strength":50.0}')

    def test_fair_counts_value_every_artwork_on_all_viewers(self, small_log: Any) -> None:
        """The liked artwork of each viewer is shown nine times in ten: raw counts would call both a success."""
        rows = [*_biased(small_log.rows[0], shown_to_fans=0.9)]
        raw, fair = count_plays(rows), count_fairly(rows)
        assert raw["a" * 16].plays / raw["a" * 16].seen > 0.8
        assert fair["a" * 16].plays / fair["a" * 16].seen == pytest.approx(0.5, abs=0.01)
        assert fair["a" * 16].seen < raw["a" * 16].seen


def _biased(row: Any, *, shown_to_fans: float) -> Any:
    """Half of the viewers like artwork a, half b; a policy knows and shows each mostly what they like."""
    for fan, other in (("a", "b"), ("b", "a")):
        for shown, share in ((fan, shown_to_fans), (other, 1 - shown_to_fans)):
            slot = msgspec.structs.replace(
                row.decision,
                artworks=("a", "b"),
                images=("a" * 16, "b" * 16),
                probabilities=(share, 1 - share) if shown == "a" else (1 - share, share),
                chosen=0 if shown == "a" else 1,
                bounds=None,
            )
            page = msgspec.structs.replace(row.page, slots=(slot,))
            for _ in range(round(100 * share)):
                yield RewardedDecision(page, 0, float(shown == fan))


class TestLinUcb(PolicyContract):
    @pytest.fixture
    def policy(self, linucb: Policy) -> Policy:
        return linucb

    def test_it_says_that_it_has_no_support(self, policy: Policy, make_candidate: Maker) -> None:
        assert policy.floor == 0.0
        stated = policy.probabilities(contexts()[0], [make_candidate(name) for name in "abc"])
        assert sorted(stated.tolist()) == [0.0, 0.0, 1.0]

    def test_it_learns_who_likes_what(self, policy: Policy, small_log: Any) -> None:
        liked = [
            policy.probabilities(small_log.context(viewer), artworks)[small_log.likes(viewer, artworks)].sum()
            for viewer in range(60)
            for artworks in small_log.candidates
        ]
        assert np.mean(liked) > 0.75

    def test_what_was_never_shown_is_tried(self, policy: Policy, small_log: Any, space: FeatureSpace) -> None:
        curious = LinUcbPolicy(space, learn_arms(small_log.rows, space), alpha=50.0)
        newborn = replace(small_log.candidates[0][0], artwork="new", image="f" * 64)
        assert curious.probabilities(small_log.context(0), [*small_log.candidates[0], newborn])[-1] == 1.0

    def test_other_arms_are_another_version(self, small_log: Any, space: FeatureSpace) -> None:
        arms = learn_arms(small_log.rows, space)
        half = learn_arms(small_log.rows[:700], space)
        assert LinUcbPolicy(space, arms).version == LinUcbPolicy(space, dict(reversed(arms.items()))).version
        assert len({LinUcbPolicy(space, one, alpha=a).version for one, a in [(arms, 1), (half, 1), (arms, 2)]}) == 3
