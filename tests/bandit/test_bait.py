"""Baits are found, also in the log of a policy that hardly explores, and honest artworks are left alone."""

import math

import numpy as np
import pytest

from artwork.catalog import ArtworkId, TitleId
from bandit.bait import BaitReport, BaitRules, bait_reports, favoured_baits
from bandit.comparison import ArtworkSums, Shown
from bandit.ope.batch import viewer_keys
from bandit.simulator.hardship import Hardship
from bandit.simulator.play import Stated, play
from bandit.simulator.random_world import WEAK, WorldShape, random_world
from bandit.simulator.shown import exploring_in, place_of, sums_in, true_index
from bandit.simulator.world import World
from bandit.simulator.yardsticks import uniform_in

SHAPE = WorldShape(viewers=1000, titles=8, artworks=6)
BAITS = Hardship(bait_share=0.1, bait=1.0, letdown=4.0)
DECISIONS = 100_000


def world_of(seed: int, hardship: Hardship | None = None) -> World:
    return random_world(seed, shape=SHAPE, rates=WEAK, hardship=hardship)


def reports_in(world: World, policy: Stated, *, seed: int = 0) -> tuple[BaitReport, ...]:
    log = play(world, policy, rng=np.random.default_rng(seed), decisions=DECISIONS)
    return bait_reports(sums_in(world, log))


def is_bait(world: World, report: BaitReport) -> bool:
    return bool(world.bait[place_of(report.image)] > 0)


def test_baits_are_found_and_honest_artworks_are_not_accused() -> None:
    found, baits, accused = 0, 0, 0
    for seed in range(2):
        world = world_of(seed, BAITS)
        for report in reports_in(world, uniform_in(world), seed=seed):
            baits += is_bait(world, report)
            found += is_bait(world, report) and report.alarm
            accused += report.alarm and not is_bait(world, report)
    assert baits >= 8
    assert found >= 0.9 * baits
    assert accused == 0


def test_baits_are_found_in_the_log_of_a_policy_that_shows_each_artwork_to_those_who_like_it() -> None:
    found, baits, accused = 0, 0, 0
    for seed in range(2):
        world = world_of(seed, BAITS)
        for report in reports_in(world, exploring_in(world, share=0.1, temperature=0.02), seed=seed):
            baits += is_bait(world, report)
            found += is_bait(world, report) and report.alarm
            accused += report.alarm and not is_bait(world, report)
    assert found >= 0.6 * baits
    assert accused == 0


@pytest.mark.parametrize("share", [0.02, 1.0])
def test_without_bait_there_is_no_alarm(share: float) -> None:
    for seed in range(2):
        world = world_of(10 + seed)
        assert not any(each.alarm for each in reports_in(world, exploring_in(world, share=share, temperature=0.02)))


def test_the_interval_holds_the_true_index_of_a_log_drawn_uniformly() -> None:
    world = world_of(5, BAITS)
    truth = true_index(world)
    known = [each for each in reports_in(world, uniform_in(world)) if each.low is not None and each.high is not None]
    assert len(known) > 30
    held = [each.low <= truth[place_of(each.image)] <= each.high for each in known if each.low and each.high]
    assert sum(held) >= 0.97 * len(held)


def told(*, plays: tuple[int, int], shares: tuple[float, float], rows: int = 4000) -> tuple[BaitReport, ...]:
    """Two artworks drawn in turn, each played by so many of its decisions, each play so much of the title."""
    chosen = np.arange(rows) % 2
    turn = np.arange(rows) // 2
    taken = turn < np.array(plays)[chosen]
    sums = ArtworkSums()
    shown = Shown(
        title=TitleId("t"),
        artworks=(ArtworkId("a"), ArtworkId("b")),
        images=("1", "2"),
        probabilities=np.full((rows, 2), 0.5),
        chosen=chosen,
        viewers=viewer_keys([str(number) for number in np.random.default_rng(0).permutation(rows)]),
        worth=np.column_stack([taken, taken, taken * np.array(shares)[chosen]]).astype(float),
    )
    sums.add(shown)
    return bait_reports(sums)


def test_the_index_is_the_weaker_of_more_starts_and_less_completion() -> None:
    bait, honest = told(plays=(800, 400), shares=(0.4, 0.6))
    assert (bait.starts, bait.completion) == (pytest.approx(2.0), pytest.approx(2 / 3))
    assert bait.index == pytest.approx(-math.log(2 / 3))
    assert bait.alarm
    assert honest.index == pytest.approx(-math.log(2.0))
    assert not honest.alarm


@pytest.mark.parametrize(
    ("plays", "shares"),
    [((800, 400), (0.6, 0.6)), ((400, 400), (0.3, 0.6)), ((800, 400), (0.55, 0.6)), ((30, 20), (0.1, 0.6))],
    ids=["more starts alone", "less completion alone", "below the threshold", "chance would explain it"],
)
def test_neither_part_alone_nor_a_small_or_uncertain_index_is_an_alarm(
    plays: tuple[int, int], shares: tuple[float, float]
) -> None:
    assert not any(report.alarm for report in told(plays=plays, shares=shares))


def test_nothing_is_said_where_the_log_holds_too_little() -> None:
    for report in told(plays=(10, 5), shares=(0.1, 0.9)):
        assert (report.index, report.low, report.high, report.starts, report.alarm) == (None, None, None, None, False)
    assert bait_reports(ArtworkSums()) == ()


def test_a_threshold_is_a_rule_that_can_be_set() -> None:
    world = world_of(0, BAITS)
    log = play(world, uniform_in(world), rng=np.random.default_rng(0), decisions=DECISIONS)
    sums = sums_in(world, log)
    alarms = [sum(each.alarm for each in bait_reports(sums, rules=BaitRules(threshold=at))) for at in (0.2, 3.0)]
    assert alarms[0] > alarms[1] == 0


def test_a_version_is_held_up_only_by_baits_that_it_would_show_more() -> None:
    def report(artwork: str, *, alarm: bool) -> BaitReport:
        return BaitReport(title=TitleId("t"), artwork=ArtworkId(artwork), image=artwork, decisions=9, alarm=alarm)

    reports = [report("a", alarm=True), report("b", alarm=True), report("c", alarm=False), report("d", alarm=True)]
    live = {"t/a": 100.0, "t/b": 100.0, "t/c": 100.0}
    version = {"t/a": 105.0, "t/b": 120.0, "t/c": 200.0, "t/d": 1.0}
    assert favoured_baits(reports, version=version, live=live) == ("t/b", "t/d")
    assert favoured_baits(reports, version=live, live=version) == ()
