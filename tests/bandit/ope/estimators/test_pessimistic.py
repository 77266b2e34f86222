"""Pessimistic estimators: low on purpose, with a bound that holds."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.ix import ImplicitExploration
from bandit.ope.estimators.log_smoothing import LogSmoothing
from bandit.ope.estimators.pessimistic import Pessimistic
from bandit.ope.intervals.interval import NotEstimable

BOTH = [LogSmoothing, ImplicitExploration]


def over(estimator: Estimator, batch: Batch) -> Estimator:
    """The estimator, with the batch taken in."""
    estimator.add(batch)
    return estimator


def rare_log(seed: int, *, rows: int, repeats: int = 1) -> tuple[Batch, float]:
    """Rows with rewards of 2 % under heavy weights; each viewer has `repeats` of them, all alike. And the truth."""
    rng = np.random.default_rng((seed, rows, repeats))
    logged = np.array([0.9, 0.06, 0.03, 0.01])
    target, rates = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.02, 0.02, 0.03, 0.015])
    viewers = rows // repeats
    chosen = np.repeat(rng.choice(4, size=viewers, p=logged), repeats)
    reward = np.repeat((rng.random(viewers) < rates[chosen[::repeats]]).astype(np.float64), repeats)
    keys = np.repeat(np.arange(viewers, dtype=np.uint64), repeats)
    return Batch(propensity=logged[chosen], target=target[chosen], reward=reward, viewers=keys), float(target @ rates)


def test_values_by_hand(golden: Batch) -> None:
    weighted = golden.weights * golden.reward
    smoothed = float(np.mean(np.log(1 + 0.1 * weighted) / 0.1))
    assert over(LogSmoothing(0.1), golden).estimate() == pytest.approx(smoothed, abs=1e-12)
    explored = float(np.mean(golden.target / (golden.propensity + 0.1) * golden.reward))
    assert over(ImplicitExploration(0.1), golden).estimate() == pytest.approx(explored, abs=1e-12)


@pytest.mark.parametrize("kind", BOTH)
def test_the_value_is_below_ips_and_nears_it(kind: type[Pessimistic], crowd: Batch) -> None:
    ips = over(IPS(), crowd).estimate()
    values = [over(kind(parameter), crowd).estimate() for parameter in (1.0, 0.1, 0.001, 1e-9)]
    assert values == sorted(values)
    assert values[-1] < ips
    assert values[-1] == pytest.approx(ips, abs=1e-6)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("repeats", [1, 20])
def test_the_lower_bound_is_seldom_above_the_truth(kind: type[Pessimistic], repeats: int) -> None:
    logs = [rare_log(seed, rows=2000, repeats=repeats) for seed in range(100)]
    bounds = [float(over(kind(), batch).result().chosen["lower_bound"]) for batch, _ in logs]
    assert sum(bound > truth for bound, (_, truth) in zip(bounds, logs, strict=True)) <= 5
    assert max(bounds) > 0.0 or repeats > 1


@pytest.mark.parametrize("kind", BOTH)
def test_the_bound_hangs_on_the_viewer_who_has_most(kind: type[Pessimistic]) -> None:
    """One viewer of half the rows says as much as two viewers would, however many others there are."""
    batch, _ = rare_log(1, rows=2000)
    keys = np.where(np.arange(2000) < 1000, np.uint64(0), np.arange(2000, dtype=np.uint64))
    found = over(kind(0.1), replace(batch, viewers=keys)).result()
    taken_off = found.value - float(found.chosen["lower_bound"])
    apart = over(kind(0.1), batch).result()
    assert taken_off == pytest.approx(1000 * (apart.value - float(apart.chosen["lower_bound"])))


@pytest.mark.parametrize("kind", BOTH)
def test_rows_that_stand_for_many_decisions_make_the_bound_lower(kind: type[Pessimistic]) -> None:
    batch, _ = rare_log(1, rows=2000)
    kept = np.where(np.arange(2000) < 20, 0.01, 1.0)
    for rows in (replace(batch, kept=kept), replace(batch, kept=kept, viewers=None)):
        shed, alike = (over(kind(0.1), replace(rows, kept=each)).result() for each in (kept, np.full(2000, 0.5)))
        whole = over(kind(0.1), replace(rows, kept=None)).result()
        off = [each.value - float(each.chosen["lower_bound"]) for each in (shed, alike, whole)]
        assert off[0] > 5 * off[2]
        assert off[1] == pytest.approx(off[2])


@pytest.mark.parametrize("kind", BOTH)
def test_the_parameter_with_the_largest_bound_is_picked_and_told(kind: type[Pessimistic], crowd: Batch) -> None:
    chosen = over(kind(), crowd).result().chosen
    assert chosen["rule"] == "largest_lower_bound"
    assert chosen[kind.parameter] in kind.grid
    # A fixed parameter needs no union over the grid, so its bound is a little larger still.
    fixed = [over(kind(value), crowd).result().chosen for value in kind.grid]
    best = max(fixed, key=lambda one: float(one["lower_bound"]))
    assert float(best["lower_bound"]) >= float(chosen["lower_bound"])
    assert over(kind(), crowd).estimate() >= float(chosen["lower_bound"])


@pytest.mark.parametrize("kind", BOTH)
def test_rewards_outside_their_range_have_no_value(kind: type[Pessimistic], crowd: Batch) -> None:
    with pytest.raises(NotEstimable, match="state their range"):
        over(kind(), replace(crowd, reward=crowd.reward - 0.5)).estimate()
    doubled = replace(crowd, reward=2 * crowd.reward)
    if kind is ImplicitExploration:
        with pytest.raises(NotEstimable, match="0 to 1 only"):
            over(kind(), doubled).estimate()
    twice = over(kind(0.1, largest_reward=2.0), doubled)
    assert twice.estimate() > over(kind(0.1), crowd).estimate()


@pytest.mark.parametrize("kind", BOTH)
def test_settings_that_mean_nothing_are_refused(kind: type[Pessimistic]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        kind(0.0)
    with pytest.raises(ValueError, match=r"inside \(0, 1\)"):
        kind(miss=1.0)
