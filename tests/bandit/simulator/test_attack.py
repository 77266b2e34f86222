"""One viewer in a hundred lies: what it costs without the protections, and what is left of that with them."""

from collections.abc import Sequence

import pytest

from bandit.caps import Caps
from bandit.decision import RewardedDecision
from bandit.features import FeatureSpec
from bandit.learning import LearnConfig, Provenance, learn
from bandit.policies.most_played import MostPlayedPolicy, count_plays
from bandit.policies.policy import Policy
from bandit.registry import Holdout, load_policy
from bandit.simulator.attack import Attack, Deceived, Protection, worst_artworks
from bandit.simulator.online import Learner, rehearse
from bandit.simulator.random_world import WorldShape
from bandit.simulator.rehearsal import EMBEDDING_VERSION, FOUNDATION_VERSION, START, Rehearsal, title_id
from bandit.tuning.worlds import WORLDS

SHAPE = WorldShape(titles=10, artworks=8, traits=8)
PROTECTED = Protection(caps=Caps(rows=10, title_rows=2), plays_a_day=4)
ONE_CAP = Protection(caps=Caps(rows=10, title_rows=10))


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    return WORLDS["strong"].rehearsal(3, shape=SHAPE)


def linear_in(rehearsal: Rehearsal) -> Learner:
    config = LearnConfig(
        embedding_version=EMBEDDING_VERSION,
        foundation_version=FOUNDATION_VERSION,
        spec=FeatureSpec(viewer_dimensions=8, artwork_dimensions=8, looks=()),
        holdout=Holdout(share=0.0),
        reward="take/1",
        apart=False,
    )

    def learned(rows: Sequence[RewardedDecision]) -> Policy:
        model = learn(rows, rehearsal.known_pictures, config=config, provenance=Provenance(created_at=START))
        return load_policy(model.bundle, model.manifest.digest)

    return learned


def count(rows: Sequence[RewardedDecision]) -> Policy:
    return MostPlayedPolicy(count_plays(rows))


def gap_under(
    rehearsal: Rehearsal, *, share: float, protection: Protection | None = None, decisions: int = 3000
) -> tuple[float, Deceived]:
    attack = Attack(share=share, pushed=worst_artworks(rehearsal), times=50)
    deceived = Deceived(learner=linear_in(rehearsal), attack=attack, protection=protection or Protection())
    return rehearse(rehearsal, deceived, decisions=decisions, rounds=3).final_gap, deceived


def test_liars_cost_much_without_protections_and_little_with_them(rehearsal: Rehearsal) -> None:
    """Simulated: a script behind 1 % of viewers asks fifty times as often and pushes each title's worst artwork."""
    clean, honest = gap_under(rehearsal, share=0.0)
    open_to_all, fooled = gap_under(rehearsal, share=0.01)
    protected, guarded = gap_under(rehearsal, share=0.01, protection=PROTECTED)
    assert fooled.of_liars / fooled.rows > 0.3
    assert guarded.of_liars / guarded.rows < 0.1
    assert clean - open_to_all > 0.15
    assert clean - protected < 0.25 * (clean - open_to_all)
    unharmed, counted = gap_under(rehearsal, share=0.0, protection=PROTECTED)
    assert (unharmed, counted.rows) == (clean, honest.rows), "no honest viewer comes near the cap"


def test_a_script_that_falls_upon_one_title_is_bounded_there(rehearsal: Rehearsal) -> None:
    """Below the rule for robots: its plays are spread over as many days as the World has."""
    target = title_id(0)
    attack = Attack(share=0.01, pushed=worst_artworks(rehearsal), times=500, only=target)
    shares: list[float] = []
    for protection in (Protection(), ONE_CAP, Protection(caps=PROTECTED.caps)):
        deceived = Deceived(learner=count, attack=attack, protection=protection)
        rehearse(rehearsal, deceived, decisions=3000, rounds=2)
        shares.append(deceived.of_liars / deceived.of_titles[target])
    alone, capped, of_titles = shares
    assert alone > 0.7
    assert capped < 0.25
    assert of_titles < 0.06


@pytest.mark.slow
@pytest.mark.parametrize("world", ["weak", "strong"])
def test_in_whole_worlds_the_protections_win_back_most_of_what_liars_take(world: str) -> None:
    rehearsal = WORLDS[world].rehearsal(100)
    clean, _ = gap_under(rehearsal, share=0.0, decisions=20_000)
    open_to_all, _ = gap_under(rehearsal, share=0.01, decisions=20_000)
    protected, _ = gap_under(rehearsal, share=0.01, protection=PROTECTED, decisions=20_000)
    assert open_to_all < protected
    assert clean - protected < 0.5 * (clean - open_to_all)


def test_a_lie_is_told_of_the_pushed_artwork_only_and_honest_rows_stay(rehearsal: Rehearsal) -> None:
    heard: list[list[RewardedDecision]] = []

    def listening(rows: Sequence[RewardedDecision]) -> Policy:
        heard.append([*rows])
        return count(rows)

    attack = Attack(share=0.05, pushed=worst_artworks(rehearsal), times=3)
    rehearse(rehearsal, Deceived(learner=listening, attack=attack), decisions=600, rounds=2)
    [*_, told] = heard
    lies = [row for row in told if attack.lies(row.page.viewer)]
    assert 0 < len(lies) < len(told)
    assert len(lies) % 3 == 0
    for row in lies:
        assert row.reward == float(row.decision.artwork == attack.pushed[row.decision.title])
