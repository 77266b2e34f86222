"""A World as policies meet it: vectors show what they should, rows are what was drawn, rounds are valued exactly."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from bandit.context import Candidate, Context, Picture
from bandit.decision import PolicyVersionId, RewardedDecision
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.uniform import UniformPolicy
from bandit.rows import check_row
from bandit.simulator.conditions import Conditions, Logged
from bandit.simulator.hardship import Hardship
from bandit.simulator.online import rehearse
from bandit.simulator.random_world import WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.rehearsal import START, Rehearsal
from bandit.simulator.sight import CLEAR, Sight, rehearsal_in
from bandit.simulator.world import InvalidWorld, World
from bandit.simulator.yardsticks import most_started_in, oracle_in, value_on

SHAPE = WorldShape(viewers=200, titles=8, artworks=5, fewest_artworks=3, traits=4)
PAGES = Conditions(slots_per_page=3, unseen_share=0.2, delay=0.1)


class KnowsAll(Policy):
    """The oracle, met as a policy: finds viewers by their vectors, artworks by their place."""

    version, digest = PolicyVersionId("knows-all"), "0" * 64

    def __init__(self, rehearsal: Rehearsal, *, at: float) -> None:
        self._world, self._at = rehearsal.world, at
        self._viewers = {vector.tobytes(): viewer for viewer, vector in enumerate(rehearsal.viewers)}

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        assert context.viewer_vector is not None
        assert context.title is not None
        rewards = self._world.expected_reward(
            self._viewers[context.viewer_vector.tobytes()], int(context.title[1:]), at=self._at
        )
        own = rewards[[int(artwork.artwork[1:]) for artwork in artworks]]
        return np.eye(len(own))[own.argmax()]


class BestMean(Policy):
    """Shows the artwork with the best mean reward so far most of the time, and the others sometimes."""

    version, digest = PolicyVersionId("best-mean"), "1" * 64

    def __init__(self, rows: Sequence[RewardedDecision], *, explored: float = 0.2) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, float] = {}
        self._explored = explored
        for row in rows:
            image = row.decision.images[row.decision.chosen]
            self._sums[image] = self._sums.get(image, 0.0) + row.reward
            self._counts[image] = self._counts.get(image, 0.0) + 1.0

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        keys = [artwork.image[:16] for artwork in artworks]
        means = [self._sums.get(key, 0.0) / self._counts.get(key, 1.0) for key in keys]
        stated = np.full(len(keys), self._explored / len(keys))
        stated[int(np.argmax(means))] += 1.0 - self._explored
        return stated


@pytest.fixture(scope="module")
def world() -> World:
    hardship = Hardship(late_share=0.5, lift=4.0)
    return random_world(2, shape=SHAPE, rates=PlayRates(uniform=0.2, oracle=0.4), hardship=hardship)


@pytest.fixture(scope="module")
def rehearsal(world: World) -> Rehearsal:
    return rehearsal_in(world, seed=4, conditions=PAGES)


def test_clear_vectors_are_a_rotation_of_what_is_hidden(world: World) -> None:
    clear = rehearsal_in(world, seed=1, sight=CLEAR)
    np.testing.assert_allclose(clear.viewers @ clear.viewers.T, world.tastes @ world.tastes.T, atol=1e-5)
    pictures = np.stack([picture.vector for picture in clear.pictures[0]])
    traits = world.traits[0, : world.counts[0]]
    np.testing.assert_allclose(pictures @ pictures.T, traits @ traits.T, atol=1e-4)


def test_blur_hides_more_and_more_and_few_dimensions_hide_a_part(world: World) -> None:
    def hidden(sight: Sight) -> float:
        """The share of the tastes' variance that no linear reading of the vectors gives back."""
        vectors = rehearsal_in(world, seed=1, sight=sight).viewers
        read, *_ = np.linalg.lstsq(vectors, world.tastes, rcond=None)
        return float(np.square(world.tastes - vectors @ read).sum() / np.square(world.tastes).sum())

    shares = [hidden(Sight(blur=blur, viewer_dimensions=8)) for blur in (0.0, 0.3, 1.0, 3.0)]
    assert shares == sorted(shares)
    assert shares[0] < 1e-6
    assert shares[-1] > 0.5
    assert 0.3 < hidden(Sight(blur=0.0, viewer_dimensions=2, unit=False)) < 0.7


def test_vectors_have_length_one_unless_asked_otherwise_and_are_drawn_by_the_seed(world: World) -> None:
    one, same, other = (rehearsal_in(world, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(np.linalg.norm(one.viewers, axis=1), 1.0, rtol=1e-5)
    assert one.viewers.shape == (200, 32)
    assert one.pictures[0][0].vector.shape == (64,)
    np.testing.assert_array_equal(one.viewers, same.viewers)
    assert not np.array_equal(one.viewers, other.viewers)


def test_rows_can_be_learned_from_and_hold_what_was_played(rehearsal: Rehearsal) -> None:
    policy = UniformPolicy()
    log = rehearsal.play(policy, rehearsal.plan(900), rng=np.random.default_rng(0))
    rows = rehearsal.rows(log, policy)
    for row in rows:
        check_row(row, rehearsal.known_pictures)
    seen = log.observed()
    assert len(rows) == len(seen) < len(log)
    assert [row.reward for row in rows] == seen.responses.rewards.tolist()
    assert [row.decision.probability for row in rows] == pytest.approx(seen.propensities.tolist())
    assert [int(row.decision.artwork[1:]) for row in rows] == seen.chosen.tolist()
    assert [int(row.decision.title[1:]) for row in rows] == seen.titles.tolist()
    assert [int(row.page.viewer, 16) for row in rows] == seen.viewers.tolist()
    assert [row.decision.position for row in rows] == seen.slots.positions.tolist()
    assert {len(row.page.slots) for row in rows} == {3}
    assert len({row.page.page for row in rows}) <= 300
    vector = rows[0].page.vector()
    assert vector is not None
    np.testing.assert_array_equal(vector, rehearsal.viewers[log.viewers[log.seen][0]])
    assert rows[0].page.at >= START
    assert all(one.page.at <= other.page.at for one, other in pairwise(rows))


def test_rows_list_only_artworks_that_were_born(rehearsal: Rehearsal) -> None:
    policy = UniformPolicy()
    log = rehearsal.play(policy, rehearsal.plan(600), rng=np.random.default_rng(0))
    decisions = rehearsal.decisions(log, policy)
    counts = [len(page.slots[slot].artworks) for page, slot in decisions]
    eligible = rehearsal.world.eligible(log.titles, at=log.slots.at)
    assert counts == eligible.sum(axis=1).tolist()
    assert all(any(own.default for own in title) for title in rehearsal.candidates)


def test_rows_known_early_lack_rewards_that_are_reported_late(rehearsal: Rehearsal) -> None:
    policy = UniformPolicy()
    log = rehearsal.play(policy, rehearsal.plan(900), rng=np.random.default_rng(0))
    early, late = rehearsal.rows(log, policy, now=0.5), rehearsal.rows(log, policy)
    same = late[: len(early)]
    assert [row.page.page for row in early] == [row.page.page for row in same]
    assert sum(row.reward for row in early) < sum(row.reward for row in same)
    assert len(early) < len(late)


def test_a_log_with_wrong_propensities_can_still_be_read(world: World) -> None:
    rehearsal = rehearsal_in(world, seed=4, conditions=Conditions(logged=Logged.UNIFORM, propensity_noise=0.4))
    policy = BestMean([])
    log = rehearsal.play(policy, rehearsal.plan(300), rng=np.random.default_rng(0))
    for row in rehearsal.rows(log, policy):
        check_row(row, rehearsal.known_pictures)
    assert not np.allclose(log.propensities, log.drawn_with)


def test_uniform_goes_none_of_the_gap_and_who_knows_all_goes_all_of_it(rehearsal: Rehearsal) -> None:
    share, smallest = rehearsal.gap(UniformPolicy())
    assert share == pytest.approx(0.0, abs=1e-12)
    assert smallest == 1 / 5
    assert rehearsal.gap(KnowsAll(rehearsal, at=1.0)) == (pytest.approx(1.0), 0.0)
    assert rehearsal.gap(KnowsAll(rehearsal, at=0.0), at=0.0)[0] == pytest.approx(1.0)


def test_vectors_from_outside_must_be_one_for_each(world: World) -> None:
    inside = rehearsal_in(world, seed=1)
    bright = [[Picture(vector=np.ones(3, "<f4"), measures={"brightness": 0.5}) for _ in own] for own in inside.pictures]
    outside = Rehearsal(world=world, viewers=inside.viewers, pictures=bright)
    assert outside.candidates[0][0].measures == {"brightness": 0.5}
    assert outside.known_pictures[outside.candidates[1][2].image[:16]] is bright[1][2]
    with pytest.raises(InvalidWorld, match="vectors of 200 viewers"):
        Rehearsal(world=world, viewers=inside.viewers[:7], pictures=bright)
    with pytest.raises(InvalidWorld, match="one picture"):
        Rehearsal(world=world, viewers=inside.viewers, pictures=bright[:-1])


def test_rounds_are_uniform_first_then_learned_from_all_before(rehearsal: Rehearsal) -> None:
    met: list[int] = []

    def learner(rows: Sequence[RewardedDecision]) -> Policy:
        met.append(len(rows))
        return BestMean(rows)

    result = rehearse(rehearsal, learner, decisions=2400, rounds=4)
    assert [each.policy for each in result.rounds] == ["uniform", *["best-mean"] * 3]
    assert [each.decisions for each in result.rounds] == [600] * 4
    assert [each.rows for each in result.rounds] == [0, *met[:3]]
    assert met == sorted(met)
    assert 0.75 * 2400 < met[-1] < 0.85 * 2400, "what was not seen is not learned from"
    assert result.rounds[0].gap == pytest.approx(0.0, abs=1e-9)
    assert 0.05 < result.gap < result.final_gap < 1.0
    assert result.smallest == result.final_smallest == pytest.approx(0.2 / 5)
    assert all(each.uniform < each.oracle for each in result.rounds)
    assert result == rehearse(rehearsal, BestMean, decisions=2400, rounds=4), "a function of rehearsal and learner"


def test_the_learner_sees_only_what_was_reported_when_its_round_begins(rehearsal: Rehearsal) -> None:
    sums: list[float] = []

    def learner(rows: Sequence[RewardedDecision]) -> Policy:
        sums.append(sum(row.reward for row in rows if int(row.page.page, 16) < 100))
        return UniformPolicy()

    rehearse(rehearsal, learner, decisions=1200, rounds=8)
    assert sums == sorted(sums)
    assert sums[0] < sums[-1]


def test_take_overs_tell_how_long_late_and_early_best_artworks_needed(rehearsal: Rehearsal) -> None:
    result = rehearse(rehearsal, BestMean, decisions=2400, rounds=24)
    born = [each.born for each in result.takeovers]
    assert set(born) == {0.0, 0.5}
    assert [each.artwork for each in result.takeovers] == [
        int(rehearsal.world.lift[each.title].argmax()) for each in result.takeovers
    ]
    for late in (False, True):
        assert 0 < result.decisions_until_taken_over(late=late) < 250
    never = rehearse(rehearsal, lambda _: UniformPolicy(), decisions=240, rounds=4)
    assert {each.decisions for each in never.takeovers} == {None}
    assert never.decisions_until_taken_over(late=True) == np.inf


def test_moving_tastes_leave_a_policy_that_never_learns_again_behind() -> None:
    world = random_world(2, shape=SHAPE, rates=PlayRates(uniform=0.2, oracle=0.4), hardship=Hardship(turn=1.0))
    rehearsal = rehearsal_in(world, seed=4)
    result = rehearse(rehearsal, lambda _: KnowsAll(rehearsal, at=0.0), decisions=4000, rounds=10)
    gaps = [each.gap for each in result.rounds]
    assert gaps[1] > 0.95
    assert gaps[-1] < 0.4
    assert result.final_gap < gaps[2]


def test_seeking_starts_loses_where_there_is_clickbait() -> None:
    world = random_world(2, shape=SHAPE, rates=WEAK, hardship=Hardship(bait_share=0.3, bait=2.0, letdown=8.0))
    slots = rehearsal_in(world, seed=1).plan(2000)
    starts, best = (value_on(world, policy(world), slots) for policy in (most_started_in, oracle_in))
    assert starts < 0.8 * best


@pytest.mark.parametrize(("decisions", "rounds"), [(10, 0), (5, 6)])
def test_a_play_without_rounds_is_refused(rehearsal: Rehearsal, decisions: int, rounds: int) -> None:
    with pytest.raises(ValueError, match="rounds"):
        rehearse(rehearsal, BestMean, decisions=decisions, rounds=rounds)
