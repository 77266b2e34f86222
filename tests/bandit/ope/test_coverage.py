"""The promise of an interval, kept: in Worlds with a known truth it holds that truth as often as it says.

The study quoted in docs/evaluation.md: `pytest -m slow tests/bandit/ope/test_coverage.py --log-cli-level=INFO`.
"""

import logging
from collections.abc import Callable

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


@pytest.mark.slow
@pytest.mark.parametrize("rates", [WEAK, STRONG], ids=["weak", "strong"])
@pytest.mark.parametrize("decisions", [2000, 20_000])
def test_study_of_uniform_logs(
    rates: PlayRates, decisions: int, make_batch: MakeBatch, request: pytest.FixtureRequest
) -> None:
    world = random_world(5, shape=WorldShape(viewers=2000, titles=40), rates=rates)
    target = tabulated(world, softmax_in(world, temperature=0.02))
    truth = value_of(world, target)
    held, refused = {"ips": 0, "snips": 0}, 0
    for seed in range(STUDY_SEEDS):
        log = play(world, uniform_in(world), rng=np.random.default_rng(seed), decisions=decisions)
        evaluation = evaluate([batch_of(log, target, make_batch)])
        refused += evaluation.refused
        for estimate in evaluation.estimates:
            if estimate.estimator in held:
                held[estimate.estimator] += estimate.interval.low <= truth <= estimate.interval.high
    logger.info("%s: of %d runs held %s, refused %d", request.node.callspec.id, STUDY_SEEDS, held, refused)
    assert refused == 0
    assert min(held.values()) >= 0.93 * STUDY_SEEDS


@pytest.mark.slow
@pytest.mark.parametrize(("people", "each"), [(500, 1), (150, 20), (150, 50), (20, 50)])
def test_study_of_repeating_viewers(people: int, each: int, make_batch: MakeBatch) -> None:
    world = random_world(9, shape=WorldShape(viewers=3000, titles=20), rates=PlayRates(uniform=0.2, oracle=0.4))
    target = tabulated(world, softmax_in(world, temperature=0.1))
    truth = value_of(world, target)
    by_viewer = by_row = 0
    for seed in range(STUDY_SEEDS):
        rng = np.random.default_rng(seed)
        viewers, titles = loyal_pairs(world, rng, people=people, each=each)
        log = play_pairs(world, uniform_in(world), rng=rng, viewers=viewers, titles=titles)
        batch = batch_of(log, target, make_batch, people=np.repeat(np.arange(people), each))
        by_viewer += covered(SNIPS(), batch, truth)
        by_row += covered(SNIPS(), batch, truth, method=Method.NORMAL)
    logger.info("%d viewers x %d rows: clustered held %d, by row %d", people, each, by_viewer, by_row)
    assert by_viewer >= 0.92 * STUDY_SEEDS
