"""Verdicts, forecasts and bait alarms against the truth of Worlds: the figures of docs/rewards.md.

`python -m benchmarks.verdicts`, some two minutes.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from bandit.bait import bait_reports
from bandit.comparison import ArtworkSums
from bandit.simulator.hardship import Hardship
from bandit.simulator.play import Stated, play
from bandit.simulator.random_world import STRONG, WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.shown import exploring_in, place_of, shown_in, sums_in, true_index, true_values
from bandit.simulator.world import Floats, World
from bandit.verdicts import ArtworkVerdict, Verdict, artwork_verdicts

LOOKS = [int(look) for look in np.geomspace(3000, 600_000, 24)]
EXPLORING = (1.0, 0.1, 0.02)
"""The share of its chance that the policy leaves to exploring; 1 is uniform."""


def policy(share: float, temperature: float) -> Callable[[World], Stated]:
    """A policy in any World."""
    return lambda world: exploring_in(world, share=share, temperature=temperature)


def verdicts(share: float, lift: float, *, seeds: int = 3) -> dict[str, object]:
    """How many verdicts were given and wrong, how many intervals ever missed, and how forecasts did."""
    given, missed, ratios, first, artworks = Counter[bool](), set[tuple[int, str]](), list[float](), list[int](), 0
    for seed in range(seeds):
        shape = WorldShape(titles=4, artworks=6)
        world = random_world(seed, shape=shape, rates=STRONG, hardship=Hardship(lift=lift))
        looks, truth = list(_looks(world, policy(share, 0.03)(world), seed)), true_values(world)
        artworks += truth.size
        for each in (each for look in looks for each in look if each.low is not None):
            held, right = _right(truth, each)
            missed |= set() if held else {(seed, each.image)}
            given.update([right] if each.verdict is not Verdict.UNDECIDED else [])
        for images in zip(*looks, strict=True):
            told = _foretold(images)
            ratios += told[0]
            first += told[1]
    return {
        "verdicts": given.total(),
        "wrong": given[False],
        "intervals that ever missed": f"{len(missed)} of {artworks}",
        "forecasts": len(ratios),
        "forecast / what it took, median": round(statistics.median(ratios), 2),
        "within a factor of 2": round(statistics.fmean(0.5 <= ratio <= 2 for ratio in ratios), 2),
        "decisions of an artwork at its verdict, median": statistics.median(first),
    }


def baits(rates: PlayRates, share: float, bait_share: float, *, decisions: int = 400_000) -> dict[str, object]:
    """How many baits were found, and how many honest artworks accused, in three Worlds."""
    told = Counter[str]()
    for seed in range(3):
        shape, hardship = WorldShape(titles=40, artworks=8), Hardship(bait_share=bait_share)
        world = random_world(seed, shape=shape, rates=rates, hardship=hardship)
        log = play(world, policy(share, 0.2 * share)(world), rng=np.random.default_rng(seed), decisions=decisions)
        truth = true_index(world)
        for each in bait_reports(sums_in(world, log)):
            bait = bool(world.bait[place_of(each.image)] > 0)
            told["baits"] += bait
            told["found"] += bait and each.alarm
            told["honest artworks in alarm"] += each.alarm and not bait
            told["of those, true index below 0.2"] += each.alarm and not bait and truth[place_of(each.image)] < 0.2
    return dict(told)


def _looks(world: World, stated: Stated, seed: int) -> Iterator[tuple[ArtworkVerdict, ...]]:
    rng, sums = np.random.default_rng(seed), ArtworkSums()
    for before, now in zip([0, *LOOKS], LOOKS, strict=False):
        for shown in shown_in(world, play(world, stated, rng=rng, decisions=now - before)):
            sums.add(shown)
        yield artwork_verdicts(sums)


def _right(truth: Floats, told: ArtworkVerdict) -> tuple[bool, bool]:
    """Whether the interval holds the true difference, and whether the verdict is true."""
    title, artwork = place_of(told.image)
    difference = truth[title, artwork] - np.delete(truth[title], artwork).max()
    held = told.low is not None and told.high is not None and told.low <= difference <= told.high
    alike = abs(difference) < 0.1 * truth[title].mean()
    right = {Verdict.BETTER: difference > 0, Verdict.WORSE: difference < 0, Verdict.NO_DIFFERENCE: alike}
    return held, bool(right.get(told.verdict, True))


def _foretold(looks: tuple[ArtworkVerdict, ...]) -> tuple[list[float], list[int]]:
    """The forecasts over what it took, and the decisions at the first verdict: none where there never was one."""
    decided = next((each.decisions for each in looks if each.verdict is not Verdict.UNDECIDED), None)
    if decided is None:
        return [], []
    early = [each for each in looks if each.more_decisions and each.decisions * 1.2 < decided]
    return [(each.more_decisions or 0) / (decided - each.decisions) for each in early], [decided]


if __name__ == "__main__":
    for share in EXPLORING[:2]:
        for lift in (0.0, 0.5):
            print(f"verdicts, exploring {share:g}, lift {lift:g}:", verdicts(share, lift))
    for name, rates in (("weak", WEAK), ("strong", STRONG)):
        for share in EXPLORING:
            for bait_share in (0.0, 0.1):
                print(f"baits, {name}, exploring {share:g}, {bait_share:.0%} bait:", baits(rates, share, bait_share))
