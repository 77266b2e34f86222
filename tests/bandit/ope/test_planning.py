"""Plans: needs follow from the spread of the log, exploring costs what uniform loses, and parts add up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandit.ope.batch import Batch, Eligible
from bandit.ope.planning import SHARES, Planner, Question


def log(rows: int = 4000, *, seed: int = 1, viewers: int = 400, peak: float = 0.8, **more: Any) -> Batch:
    """Four artworks of which the first is best and mostly shown; the target shows the second half of the time."""
    rng = np.random.default_rng(seed)
    probabilities = np.array([peak, *[(1 - peak) / 3] * 3])
    target = np.array([0.5, 0.5, 0.0, 0.0])
    shown = rng.choice(4, size=rows, p=probabilities)
    reward = (rng.random(rows) < np.array([0.4, 0.3, 0.2, 0.2])[shown]).astype(np.float64)
    starts = np.arange(rows + 1) * 4
    eligible = Eligible(
        starts=starts,
        chosen=starts[:-1] + shown,
        artworks=np.tile(np.arange(4), rows),
        names=("a", "b", "c", "d"),
        logged=np.tile(probabilities, rows),
        target=np.tile(target, rows),
    )
    return Batch(
        propensity=probabilities[shown],
        target=target[shown],
        reward=reward,
        viewers=rng.integers(viewers, size=rows).astype(np.uint64),
        eligible=eligible,
        at=np.linspace(0, 10 * 86_400e6, rows).astype(np.int64),
        **more,
    )


def planned(*batches: Batch, **question: float) -> Any:
    planner = Planner()
    for batch in batches:
        planner.add(batch)
    assert planner.refusals() == []
    return planner.plan(Question(**question))


def test_values_are_those_of_the_log_and_needs_follow_from_their_spread() -> None:
    batch = log()
    found = planned(batch, lift=0.03)
    assert found.logged.value == pytest.approx(batch.reward.mean())
    weights = batch.target / batch.propensity
    assert found.target.value == pytest.approx((weights @ batch.reward) / weights.sum())
    assert found.difference.value == pytest.approx(found.target.value - found.logged.value)
    assert [each.lift for each in found.off_policy] == [0.005, 0.01, 0.02, 0.03, 0.05, 0.1]
    for need in found.off_policy:
        reach = 2.8015850 * found.difference.error / (need.lift * found.logged.value)
        assert need.rows == pytest.approx(4000 * reach**2, rel=1e-6)
        assert need.days == pytest.approx(need.more / 400)
    assert found.seen_now == pytest.approx(2.8015850 * found.difference.error / found.logged.value, rel=1e-6)
    assert (found.rows, found.viewers, found.days) == (4000, 400, pytest.approx(10.0))


@pytest.mark.slow
def test_needed_rows_find_the_lift_as_often_as_was_asked() -> None:
    """Logs of the length that the plan asks for find a difference of that size in four of five."""
    first = planned(log(20_000, viewers=20_000))
    size = abs(first.difference.value) / first.logged.value
    need = next(each for each in planned(log(20_000, viewers=20_000), lift=size).off_policy if each.lift == size)
    found = 0
    for seed in range(200):
        again = planned(log(round(need.rows), seed=100 + seed, viewers=10**9))
        found += not again.difference.low <= 0 <= again.difference.high
    assert found / 200 == pytest.approx(0.8, abs=0.1)


def never_showing(*artworks: int) -> Batch:
    """The log of a policy that draws as the other does, but never these."""
    whole = log()
    assert whole.eligible is not None
    batch = whole.select(~np.isin(whole.eligible.chosen % 4, artworks))
    eligible = batch.eligible
    assert eligible is not None
    drawn = np.where(np.isin(np.arange(4), artworks), 0.0, [0.8, 0.2 / 3, 0.2 / 3, 0.2 / 3])
    logged = np.tile(drawn / drawn.sum(), len(batch))
    return replace(batch, propensity=logged[eligible.chosen], eligible=replace(eligible, logged=logged))


def test_what_was_never_shown_has_no_worth() -> None:
    found = planned(never_showing(2, 3))
    assert found.uniform is None
    assert [(each.lost, each.lost_part) for each in found.prices] == [(None, None)] * len(SHARES)
    assert found.target.value > 0
    found = planned(never_showing(1))
    assert (found.target, found.difference, found.seen_now, found.off_policy) == (None, None, None, ())
    assert found.prices[0].rows_factor is None
    assert found.online


def test_no_plan_is_made_from_probabilities_that_were_not_drawn_from() -> None:
    batch = log()
    eligible = batch.eligible
    assert eligible is not None
    planner = Planner()
    claimed = replace(eligible, logged=np.full(len(eligible.logged), 0.25))
    planner.add(replace(batch, propensity=np.full(len(batch), 0.25), eligible=claimed))
    assert [one.code for one in planner.refusals()] == ["propensities_not_drawn_from"]


def test_an_experiment_of_two_cells_needs_what_two_means_need() -> None:
    found = planned(log(viewers=10**9))
    variance = found.logged.value * (1 - found.logged.value)
    need = next(each for each in found.online if each.lift == 0.1)
    assert need.rows == pytest.approx(4 * variance * (2.8015850 / need.difference) ** 2, rel=0.01)


def test_exploring_costs_what_uniform_loses_and_buys_smaller_weights() -> None:
    found = planned(log(40_000))
    assert found.uniform.value == pytest.approx((0.4 + 0.3 + 0.2 + 0.2) / 4, abs=0.02)
    assert found.exploring.value == pytest.approx(0.4 - (0.8 * 0.4 + 0.2 * 0.7 / 3), abs=0.01)
    assert found.exploring.low > 0
    prices = found.prices
    assert [each.share for each in prices] == list(SHARES)
    assert prices[0].lost == 0.0
    assert prices[0].rows_factor == 1.0
    assert prices[-1].lost == pytest.approx(0.5 * (found.logged.value - found.uniform.value))
    now, half = [0.25 / p + 0.25 / q for p, q in ((0.8, 0.2 / 3), (0.525, 0.1 / 3 + 0.125))]
    assert prices[-1].rows_factor == pytest.approx(half / now)


def test_a_target_that_the_log_never_shows_has_no_price_and_a_log_without_lists_no_exploring() -> None:
    batch = log()
    assert batch.eligible is not None
    batch.eligible.logged[:] = np.tile([0.85, 0.0, 0.075, 0.075], len(batch))  # b is never logged
    sound = batch.select(batch.eligible.artworks[batch.eligible.chosen] != 1)
    assert planned(sound).prices[0].rows_factor is None
    bare = planned(Batch(propensity=batch.propensity, target=batch.target, reward=batch.reward))
    assert (bare.uniform, bare.exploring, bare.prices, bare.days) == (None, None, (), None)
    nowhere = planned(Batch(propensity=batch.propensity, target=np.zeros(len(batch)), reward=batch.reward))
    assert (nowhere.difference, nowhere.off_policy) == (None, ())
    assert nowhere.online


def test_parts_add_up_to_the_whole() -> None:
    whole, parts = Planner(), [Planner(), Planner()]
    for number, part in enumerate(parts):
        part.add(log(seed=number))
        whole.add(log(seed=number))
    both, one = (parts[0] + parts[1]).plan(Question()), whole.plan(Question())
    assert both.off_policy[0].rows == pytest.approx(one.off_policy[0].rows, rel=1e-9)
    assert both.prices[3].rows_factor == pytest.approx(one.prices[3].rows_factor)
    assert both.days == one.days


def test_what_tells_no_spread_is_refused() -> None:
    few, quiet, faulty = log(10), log(100), log(100)
    quiet.reward[:] = 0.0
    faulty.propensity[3] = 0.0
    for batch, code in ((few, "too_few_rows"), (quiet, "no_rewards"), (faulty, "propensity_outside_unit")):
        planner = Planner()
        planner.add(batch)
        assert [each.code for each in planner.refusals()][:1] == [code]
