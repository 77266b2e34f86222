"""Which interval an estimate goes by, and what no interval may forget: the row that was not seen."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch, Eligible, Floats
from bandit.ope.estimators.difference import Difference
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.replay import Replay
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.intervals.bounds import Bounds, Seen
from bandit.ope.intervals.interval import Interval, Method
from bandit.ope.intervals.rule import EVIDENCE, PAIRED_EVIDENCE, Ruling, intervals
from bandit.ope.terms import TermSums

CLUSTERED = {Method.VIEWER_CLUSTERED, Method.CRESSIE_READ_CLUSTERED, Method.WIDENED_CLUSTERED, Method.ANYTIME_CLUSTERED}


def log_of(
    count: int, *, play_rate: float, smallest: float = 0.2, each: int | None = None, seed: int = 1, target: float = 0.5
) -> Batch:
    """Two artworks, the second logged with `smallest`; `each` rows a viewer, None: viewers are unknown."""
    rng = np.random.default_rng(seed)
    second = rng.random(count) < smallest
    return Batch(
        propensity=np.where(second, smallest, 1 - smallest),
        target=np.where(second, target, 1 - target),
        reward=(rng.random(count) < play_rate).astype(np.float64),
        viewers=None if each is None else np.arange(count, dtype=np.uint64) // np.uint64(each),
    )


def ruled(batch: Batch, estimator: Estimator | None = None, *, bounds: Bounds | None = None) -> Ruling:
    estimator = estimator or SNIPS()
    evidence = EVIDENCE if batch.baseline is None else PAIRED_EVIDENCE
    sums = TermSums((*estimator.terms, *evidence))
    sums.add(batch)
    own = sums.of(estimator.terms)
    return intervals(
        estimator.settle(own), own, evidence=sums.of(evidence), bounds=bounds or Seen.of(batch).bounds(), level=0.95
    )


def width(interval: Interval) -> float:
    return interval.high - interval.low


def test_a_log_that_has_seen_enough_goes_by_its_spread() -> None:
    anonymous = ruled(log_of(20_000, play_rate=0.4))
    assert anonymous.intervals[0].method is Method.NORMAL
    assert "no viewer has two rows" in anonymous.why
    clustered = ruled(log_of(20_000, play_rate=0.4, each=10))
    assert clustered.intervals[0].method is Method.VIEWER_CLUSTERED
    assert "one piece of evidence" in clustered.why


@pytest.mark.parametrize("each", [None, 10])
@pytest.mark.parametrize(("play_rate", "smallest"), [(0.015, 0.4), (0.985, 0.4), (0.4, 0.01)])
def test_rare_rewards_or_heavy_weights_go_by_cressie_read(play_rate: float, smallest: float, each: int | None) -> None:
    ruling = ruled(log_of(1000, play_rate=play_rate, smallest=smallest, each=each))
    first = ruling.intervals[0]
    assert first.method is (Method.CRESSIE_READ if each is None else Method.CRESSIE_READ_CLUSTERED)
    assert "rare" in ruling.why
    assert 0.0 <= first.low < first.high <= 1.0
    plain = next(each for each in ruling.intervals if each.method in (Method.NORMAL, Method.VIEWER_CLUSTERED))
    assert width(first) > width(plain) * 0.99 or plain.low < 0.0 or plain.high > 1.0


@pytest.mark.parametrize("each", [None, 10])
def test_a_fifth_of_the_risk_is_kept_in_reserve(each: int | None) -> None:
    batch = log_of(20_000, play_rate=0.4, each=each)
    textbook = SNIPS()
    textbook.add(batch)
    first = ruled(batch).intervals[0]
    assert first.level == 0.95
    assert (first.low, first.high) == pytest.approx(
        (textbook.interval(0.96).low, textbook.interval(0.96).high), rel=1e-3
    )
    assert first.low < textbook.interval(0.95).low


def test_fewer_than_thirty_rows_go_by_their_spread() -> None:
    ruling = ruled(log_of(29, play_rate=0.4))
    assert [each.method for each in ruling.intervals] == [Method.NORMAL]


def test_a_constant_reward_is_certain() -> None:
    constant = replace(log_of(1000, play_rate=0.5), reward=np.full(1000, 0.3))
    (only,) = ruled(constant).intervals
    assert (only.low, only.high) == pytest.approx((0.3, 0.3), abs=1e-12)


def test_the_interval_holds_its_estimate_and_every_method_comes_once() -> None:
    for seed in range(20):
        batch = log_of(200, play_rate=0.03, smallest=0.02, each=4, seed=seed)
        for estimator in (IPS(), SNIPS(), Replay()):
            settled = estimator.reading(summed(batch, estimator))
            ruling = ruled(batch, estimator)
            assert ruling.intervals[0].low <= settled.estimate() <= ruling.intervals[0].high
            methods = [each.method for each in ruling.intervals]
            assert len(set(methods)) == len(methods)
            assert set(methods) <= CLUSTERED | {Method.NORMAL}


def summed(batch: Batch, estimator: Estimator) -> TermSums:
    sums = TermSums(estimator.terms)
    sums.add(batch)
    return sums


def test_a_heavier_possible_weight_widens_and_a_wider_reward_does() -> None:
    batch = log_of(2000, play_rate=0.015)
    near, far, paid = (
        ruled(batch, bounds=Seen.of(batch).bounds(weight=(0.0, heaviest), reward=(0.0, most))).intervals[0]
        for heaviest, most in ((3.0, 1.0), (100.0, 1.0), (3.0, 5.0))
    )
    assert near.high < far.high
    assert near.high < paid.high


def test_missing_weight_may_be_anything_where_no_bound_is_known() -> None:
    """The heavy rows that the target's value hangs on were never drawn: the mean weight is short of 1."""
    batch = log_of(3000, play_rate=0.2, smallest=0.3, target=0.1)
    unseen = replace(batch, target=batch.target * 0.8)
    known, unknown = (
        ruled(unseen, bounds=Seen.of(unseen).bounds(weight=weight)).intervals[0] for weight in ((0.0, 2.0), None)
    )
    assert unknown.high >= known.high + 0.15


def test_other_estimators_are_widened_by_what_was_not_seen() -> None:
    uniform = log_of(500, play_rate=0.015, smallest=0.5, target=0.9)
    ruling = ruled(uniform, Replay())
    first, plain = ruling.intervals[0], next(each for each in ruling.intervals if each.method is Method.NORMAL)
    assert first.method is Method.WIDENED
    assert first.high > plain.high
    assert first.low >= 0.0


def test_the_interval_for_every_look_is_wider_and_holds_the_default() -> None:
    for each in (None, 10):
        ruling = ruled(log_of(20_000, play_rate=0.4, each=each))
        anytime = next(one for one in ruling.intervals if one.method.value.startswith("anytime"))
        first = ruling.intervals[0]
        assert anytime.low < first.low
        assert first.high < anytime.high
        assert 1.4 < width(anytime) / width(first) < 2.5


def with_baseline(batch: Batch, baseline: Floats) -> Batch:
    return replace(batch, baseline=baseline)


def test_a_difference_of_a_policy_with_itself_is_nothing_for_certain() -> None:
    batch = log_of(1000, play_rate=0.015)
    (only,) = ruled(with_baseline(batch, batch.target), Difference(SNIPS())).intervals
    assert (only.low, only.high) == pytest.approx((0.0, 0.0), abs=1e-15)


def test_a_difference_is_mirrored_when_its_sides_are_swapped() -> None:
    batch = log_of(1000, play_rate=0.015)
    other = np.where(batch.propensity < 0.5, 0.8, 0.2)
    one = ruled(with_baseline(batch, other), Difference(SNIPS())).intervals[0]
    swapped = replace(batch, target=other, baseline=batch.target)
    two = ruled(swapped, Difference(SNIPS())).intervals[0]
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=1e-9)
    assert one.method is Method.CRESSIE_READ


def test_parts_have_the_bounds_of_the_whole_and_lists_tell_what_was_possible() -> None:
    batch = log_of(1000, play_rate=0.3, smallest=0.1, target=0.95)
    half = np.arange(1000) < 500
    whole, parts = Seen.of(batch), Seen.of(batch.select(half)) + Seen.of(batch.select(~half)) + Seen()
    assert (parts.reward, parts.weight, parts.possible) == (whole.reward, whole.weight, None)
    assert whole.bounds().weight == (0.0, math.inf)
    listed = replace(batch, eligible=lists(batch, smallest=0.1, target=0.95))
    bounds = Seen.of(listed).bounds()
    assert bounds.weight == pytest.approx((0.05 / 0.9, 9.5))
    assert bounds.known
    assert Seen.of(listed).bounds(weight=(0.0, 50.0)).weight == (0.0, 50.0)


def lists(batch: Batch, *, smallest: float, target: float) -> Eligible:
    count = len(batch)
    second = (batch.propensity == smallest).astype(np.int64)
    return Eligible(
        starts=np.arange(0, 2 * count + 1, 2),
        chosen=np.arange(0, 2 * count, 2) + second,
        artworks=np.tile([0, 1], count),
        names=("one", "two"),
        logged=np.tile([1 - smallest, smallest], count),
        target=np.tile([1 - target, target], count),
    )


def test_weights_that_could_hardly_have_been_drawn_are_not_reckoned_with() -> None:
    batch = log_of(100, play_rate=0.3, smallest=1e-4, target=0.5)
    possible = Seen.of(replace(batch, eligible=lists(batch, smallest=1e-4, target=0.5)))
    assert possible.possible == pytest.approx((0.5 / 0.9999, 5000.0))
    assert possible.heaviest_expected == 4.0
    assert possible.bounds().weight[1] == 4.0
    often = [possible] * 100
    assert sum(often[1:], often[0]).bounds().weight[1] == pytest.approx(5000.0)


def test_rewards_outside_zero_to_one_can_be_what_was_seen() -> None:
    batch = log_of(100, play_rate=0.3)
    assert Seen.of(batch).bounds().reward == (0.0, 1.0)
    assert Seen.of(replace(batch, reward=batch.reward * 40 - 3)).bounds().reward == (-3.0, 37.0)
    assert Seen.of(batch).bounds(reward=(0.0, 60.0)).reward == (0.0, 60.0)
