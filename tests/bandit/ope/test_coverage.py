"""The promise of an interval, kept: in Worlds with a known truth it holds that truth as often as it says.

The slow ones are the studies; that of tables writes docs/coverage.md (`python -m benchmarks.coverage` does so alone).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.evaluation import evaluate
from bandit.ope.intervals.interval import Method
from bandit.simulator.play import PlayedLog, Stated, play, play_pairs
from bandit.simulator.random_world import STRONG, WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.slots import every_pair
from bandit.simulator.world import Indices, World
from bandit.simulator.yardsticks import softmax_in, uniform_in, value_of
from benchmarks import coverage
from benchmarks.coverage_logs import LogShape, Weights

MakeBatch = Callable[..., Batch]
SEEDS = 100
STUDY_SEEDS = 300
logger = logging.getLogger(__name__)


def tabulated(world: World, policy: Stated) -> Stated:
    """The same policy, looked up: a hundred logs ask it the same questions."""
    table = policy(every_pair(world))
    return lambda slots: table[slots.viewers * world.title_count + slots.titles]


def batch_of(log: PlayedLog, target: Stated, make_batch: MakeBatch, *, people: Indices | None = None) -> Batch:
    """The log as rows of `people` (n,): the World's viewers, unless said otherwise."""
    return make_batch(
        log.probabilities,
        target(log.slots),
        chosen=log.chosen,
        reward=log.responses.rewards,
        viewers=(log.viewers if people is None else people).astype(np.uint64),
    )


def covered(estimator: Estimator, batch: Batch, truth: float, *, method: Method | None = None) -> bool:
    estimator.add(batch)
    interval = estimator.interval(method=method)
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize("rates", [WEAK, STRONG])
def test_the_interval_of_a_uniform_log_holds_the_targets_true_value(rates: PlayRates, make_batch: MakeBatch) -> None:
    world = random_world(5, shape=WorldShape(viewers=2000, titles=10, traits=4), rates=rates)
    target = tabulated(world, softmax_in(world, temperature=0.05))
    truth = value_of(world, target)
    held = {"ips": 0, "snips": 0}
    for seed in range(SEEDS):
        log = play(world, uniform_in(world), rng=np.random.default_rng(seed), decisions=20_000)
        batch = batch_of(log, target, make_batch)
        held["ips"] += covered(IPS(), batch, truth)
        held["snips"] += covered(SNIPS(), batch, truth)
    assert min(held.values()) >= 90


def test_the_evaluator_of_such_a_log_gives_numbers_and_no_refusal(make_batch: MakeBatch) -> None:
    world = random_world(6, shape=WorldShape(viewers=2000, titles=20))
    target = softmax_in(world, temperature=0.02)
    log = play(world, uniform_in(world), rng=np.random.default_rng(0), decisions=20_000)
    evaluation = evaluate([batch_of(log, target, make_batch)])
    assert not evaluation.refused
    snips = evaluation.estimate("snips")
    assert snips is not None
    assert snips.interval.low <= value_of(world, target) <= snips.interval.high
    uniform = evaluation.diagnostics["baselines"]["uniform"]
    assert uniform["interval"]["low"] <= value_of(world, uniform_in(world)) <= uniform["interval"]["high"]
    assert snips.interval.low > uniform["interval"]["high"]


def loyal_pairs(world: World, rng: np.random.Generator, *, people: int, each: int) -> tuple[Indices, Indices]:
    """`people` met at random in the World, who each stay with one title for `each` decisions."""
    viewers, titles = rng.integers(world.viewer_count, size=people), rng.integers(world.title_count, size=people)
    return np.repeat(viewers, each), np.repeat(titles, each)


def test_rows_of_repeating_viewers_need_the_clustered_interval(make_batch: MakeBatch) -> None:
    world = random_world(9, shape=WorldShape(viewers=3000, titles=20), rates=PlayRates(uniform=0.2, oracle=0.4))
    target = tabulated(world, softmax_in(world, temperature=0.1))
    truth = value_of(world, target)
    by_viewer = by_row = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        viewers, titles = loyal_pairs(world, rng, people=150, each=50)
        log = play_pairs(world, uniform_in(world), rng=rng, viewers=viewers, titles=titles)
        batch = batch_of(log, target, make_batch, people=np.repeat(np.arange(150), 50))
        by_viewer += covered(SNIPS(), batch, truth)
        by_row += covered(SNIPS(), batch, truth, method=Method.NORMAL)
    assert by_viewer >= 90
    assert by_row <= 75


def mostly_first(world: World) -> Stated:
    """Shows each title's first artwork, and every one with at least 1 %: what an old default leaves behind."""
    alike, certain = uniform_in(world), np.eye(world.artwork_count)[0]
    return lambda slots: 0.01 * world.artwork_count * alike(slots) + (1.0 - 0.01 * world.artwork_count) * certain


@dataclass(frozen=True)
class Played:
    """A log in a World: `people` with `each` rows, of one title if `loyal`, under a uniform policy or the default's."""

    uniform: float
    oracle: float
    people: int
    each: int
    loyal: bool = False
    heavy: bool = False


WORLDS = [
    Played(0.2, 0.4, people=500, each=1),
    Played(0.2, 0.4, people=500, each=20),
    Played(0.2, 0.4, people=150, each=50, loyal=True),
    Played(0.2, 0.4, people=20, each=50, loyal=True),
    Played(0.2, 0.4, people=5000, each=1, heavy=True),
    Played(0.2, 0.4, people=500, each=20, heavy=True),
    Played(0.015, 0.04, people=500, each=1),
    Played(0.015, 0.04, people=5000, each=1),
    Played(0.015, 0.04, people=500, each=20),
    Played(0.015, 0.04, people=500, each=20, loyal=True),
    Played(0.015, 0.04, people=500, each=50, heavy=True),
    Played(0.015, 0.04, people=5000, each=1, heavy=True),
]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("played", WORLDS, ids=str)
def test_study_of_worlds(played: Played, make_batch: MakeBatch) -> None:
    shape, rates = WorldShape(viewers=3000, titles=20), PlayRates(uniform=played.uniform, oracle=played.oracle)
    world = random_world(9, shape=shape, rates=rates)
    target = tabulated(world, softmax_in(world, temperature=0.1 * played.oracle))
    logging_policy = mostly_first(world) if played.heavy else uniform_in(world)
    truth = value_of(world, target)
    held, refused = {"ips": 0, "snips": 0}, 0
    for seed in range(STUDY_SEEDS):
        rng = np.random.default_rng(seed)
        viewers, titles = loyal_pairs(world, rng, people=played.people, each=played.each)
        titles = titles if played.loyal else rng.integers(world.title_count, size=len(titles))
        log = play_pairs(world, logging_policy, rng=rng, viewers=viewers, titles=titles)
        people = np.repeat(np.arange(played.people), played.each)
        # As a plain table comes in: the lists of artworks are not known.
        table = replace(batch_of(log, target, make_batch, people=people), eligible=None)
        evaluation = evaluate([table])
        refused += evaluation.refused
        for estimate in evaluation.estimates:
            if estimate.estimator in held:
                held[estimate.estimator] += estimate.interval.low <= truth <= estimate.interval.high
    logger.info("%s: of %d runs held %s, refused %d", played, STUDY_SEEDS, held, refused)
    assert min(held.values()) >= 0.93 * (STUDY_SEEDS - refused)
    assert refused < STUDY_SEEDS


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_study_of_tables_holds_and_is_written_down() -> None:
    found = coverage.study()
    coverage.PAGE.write_text(coverage.page(found))
    for row in coverage.rows(found):
        logger.info("%s %s beside %s", row["name"], row["value"], row["peer"])
    least, _ = found.least(clustered=False)
    assert least >= 0.93
    for shape, held in found.beyond:
        assert min(held.share(name) for name in ("ips", "snips", "ips stated", "snips stated")) >= 0.93, shape
    assert max(shares["anytime"] for _, shares in found.peeked) <= 0.05


@pytest.mark.parametrize(("each", "weights"), [(1, "light"), (20, "heavy")])
def test_rare_rewards_are_held_where_the_spread_misses_them(each: int, weights: Weights) -> None:
    held = coverage.held_by_default(LogShape(each=each, rewards="rare", weights=weights), runs=20)
    assert held.told["snips"] >= 8
    assert min(held.share(name) for name in ("ips", "snips", "ips stated", "snips stated")) >= 0.93
    assert held.share("plain") <= 0.9


def test_looking_all_the_time_needs_the_interval_that_holds_at_every_look() -> None:
    missed = coverage.ever_missed(LogShape(viewers=1000), runs=4)
    assert missed["anytime"] == 0.0
    assert missed["plain"] > 0.0
