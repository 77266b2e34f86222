"""Verdicts are right when they are given, come about when they were foretold, and exploring ends with the budget."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from artwork.catalog import ArtworkId, TitleId
from bandit.comparison import ArtworkSums, Shown
from bandit.ope.batch import Floats, viewer_keys
from bandit.simulator.hardship import Hardship
from bandit.simulator.play import play
from bandit.simulator.random_world import STRONG, WorldShape, random_world
from bandit.simulator.shown import exploring_in, place_of, shown_in, true_values
from bandit.verdicts import ArtworkVerdict, Verdict, VerdictRules, artwork_verdicts, exploring

SHAPE = WorldShape(viewers=1000, titles=4, artworks=6)
LOOKS = [int(look) for look in np.geomspace(4000, 160_000, 10)]


def watched(seed: int, *, share: float) -> tuple[Floats, list[tuple[ArtworkVerdict, ...]]]:
    """A World's true values and the verdicts at every look at its growing log; the policy explores with `share`."""
    world = random_world(seed, shape=SHAPE, rates=STRONG, hardship=Hardship(lift=0.5))
    policy, rng, sums = exploring_in(world, share=share, temperature=0.03), np.random.default_rng(seed), ArtworkSums()
    looks: list[tuple[ArtworkVerdict, ...]] = []
    for before, now in zip([0, *LOOKS], LOOKS, strict=False):
        for shown in shown_in(world, play(world, policy, rng=rng, decisions=now - before)):
            sums.add(shown)
        looks.append(artwork_verdicts(sums))
    return true_values(world), looks


def is_right(truth: Floats, told: ArtworkVerdict) -> bool:
    title, artwork = place_of(told.image)
    values = truth[title]
    difference = values[artwork] - np.delete(values, artwork).max()
    held = told.low is not None and told.high is not None and told.low <= difference <= told.high
    matters = abs(difference) >= 0.1 * values.mean()
    return (
        held
        and {
            Verdict.BETTER: difference > 0,
            Verdict.WORSE: difference < 0,
            Verdict.NO_DIFFERENCE: not matters,
            Verdict.UNDECIDED: True,
        }[told.verdict]
    )


def foretold(looks: Sequence[tuple[ArtworkVerdict, ...]]) -> list[float]:
    """Every forecast over what it then took; what it took at least where there never was a verdict."""
    ratios: list[float] = []
    for images in zip(*looks, strict=True):
        decided = next((each for each in images if each.verdict is not Verdict.UNDECIDED), None)
        for each in images:
            if decided is not None and each.decisions >= decided.decisions:
                break
            took = (decided or images[-1]).decisions - each.decisions
            if each.more_decisions and took > 0.2 * each.decisions:
                ratio = each.more_decisions / took
                ratios.append(ratio if decided else min(1.0, ratio))
    return ratios


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_verdicts_are_right_at_every_look_and_forecasts_hold_in_the_median(share: float) -> None:
    right: dict[tuple[int, str], bool] = {}
    ratios: list[float] = []
    for seed in range(2):
        truth, looks = watched(seed, share=share)
        for each in (each for look in looks for each in look if each.verdict is not Verdict.UNDECIDED):
            right[seed, each.image] = right.get((seed, each.image), True) and is_right(truth, each)
        ratios += foretold(looks)
    assert len(right) >= 12
    assert sum(right.values()) >= 0.95 * len(right)
    assert len(ratios) >= 50
    assert 0.5 <= float(np.median(ratios)) <= 2.0


def counted(*plays: int, of: int = 10_000, title: str = "t") -> Shown:
    """Artworks drawn in turn, `of` decisions each, so many of which were worth 1."""
    count = len(plays)
    chosen, turn = np.arange(count * of) % count, np.arange(count * of) // count
    rewards = (np.random.default_rng(3).permutation(of)[turn] < np.array(plays)[chosen]).astype(float)
    return Shown(
        title=TitleId(title),
        artworks=tuple(ArtworkId(name) for name in "abcdef"[:count]),
        images=tuple(f"image-{name}" for name in "abcdef"[:count]),
        probabilities=np.full((count * of, count), 1.0 / count),
        chosen=chosen,
        viewers=viewer_keys([str(number // count) for number in range(count * of)]),
        worth=np.column_stack([rewards] * 3),
    )


def judged(*shown: Shown, rules: VerdictRules | None = None) -> dict[str, ArtworkVerdict]:
    sums = ArtworkSums()
    for each in shown:
        sums.add(each)
    return {each.artwork: each for each in artwork_verdicts(sums, rules=rules)}


def test_an_artwork_is_held_against_the_best_other_one() -> None:
    found = judged(counted(1000, 600, 200))
    assert [each.verdict for each in found.values()] == [Verdict.BETTER, Verdict.WORSE, Verdict.WORSE]
    assert [each.difference for each in found.values()] == pytest.approx([0.04, -0.04, -0.08])
    assert [each.value for each in found.values()] == pytest.approx([0.1, 0.06, 0.02])
    assert all(each.more_decisions == 0 and not each.exploring for each in found.values())
    assert found["a"].reason == "decided: better"


def test_what_does_not_matter_is_said_to_be_no_difference() -> None:
    alike = counted(1000, 1000, of=10_000)
    assert {each.verdict for each in judged(alike, rules=VerdictRules(margin=0.3)).values()} == {Verdict.NO_DIFFERENCE}
    undecided = judged(alike, rules=VerdictRules(margin=0.02, budget=30_000))["a"]
    assert (undecided.verdict, undecided.exploring) == (Verdict.UNDECIDED, True)


def test_a_forecast_says_about_how_many_decisions_are_missing() -> None:
    rules = VerdictRules(budget=10**9)
    early = judged(counted(110, 90, of=1000), rules=rules)["a"]
    assert early.verdict is Verdict.UNDECIDED
    assert early.more_decisions is not None
    assert early.reason == f"about {early.more_decisions:,} more decisions until a verdict"
    assert str(early.more_decisions).rstrip("0") == str(early.more_decisions)[:2].rstrip("0")
    later = judged(counted(880, 720, of=8000), rules=rules)["a"]
    assert later.more_decisions is not None
    assert later.more_decisions < early.more_decisions


def test_exploring_ends_when_the_budget_is_spent_and_the_reason_says_so() -> None:
    tied = counted(100, 98, of=1000)
    spent = judged(tied, rules=VerdictRules(budget=1000))["a"]
    assert (spent.verdict, spent.exploring) == (Verdict.UNDECIDED, False)
    assert spent.reason == "its budget of 1,000 decisions is spent"
    left = judged(tied, rules=VerdictRules(budget=1200))["a"]
    assert left.exploring
    assert left.reason.endswith("its budget ends in 200")


def test_too_few_decisions_give_no_verdict_and_no_forecast() -> None:
    for few in (counted(9, 9, of=1000), counted(10, 9, of=20)):
        one = judged(few)["a"]
        assert (one.verdict, one.exploring, one.more_decisions) == (Verdict.UNDECIDED, True, None)
        assert one.reason == "too few decisions for a forecast"
    assert artwork_verdicts(ArtworkSums()) == ()


def test_an_artwork_without_rival_is_not_explored() -> None:
    alone = judged(counted(500))["a"]
    assert (alone.verdict, alone.exploring, alone.reason) == (Verdict.UNDECIDED, False, "it has no rival")


def test_a_newborn_does_not_undo_what_is_known_of_the_worse_ones() -> None:
    known, newborn = counted(1000, 600), counted(1, 0, 1, of=10)
    found = judged(known, newborn)
    assert [found[name].verdict for name in "abc"] == [Verdict.BETTER, Verdict.WORSE, Verdict.UNDECIDED]
    assert [found[name].exploring for name in "abc"] == [False, False, True]


def test_a_picture_that_two_titles_show_is_explored_as_long_as_either_wants_to_know() -> None:
    sums = ArtworkSums()
    sums.add(counted(1000, 200))
    sums.add(replace(counted(10, 9, of=100, title="u"), images=("image-a", "image-z")))
    assert exploring(artwork_verdicts(sums)) == {"image-a": True, "image-b": False, "image-z": True}
