"""What a policy earned on its own decisions: the mean, an interval by viewers, and parts that add up."""

import numpy as np
import pytest

from bandit.earned import Earned
from bandit.ope.batch import Batch
from bandit.ope.intervals.interval import NotEstimable


def batch(rewards: list[float], viewers: list[int], kept: list[float] | None = None) -> Batch:
    ones = np.ones(len(rewards))
    return Batch(
        propensity=ones,
        target=ones,
        reward=np.array(rewards, dtype=np.float64),
        viewers=np.array(viewers, dtype=np.uint64),
        kept=None if kept is None else np.array(kept),
    )


def earned(*batches: Batch) -> Earned:
    sums = Earned()
    for each in batches:
        sums.add(each)
    return sums


def drawn(seed: int, viewers: int = 400, rows: int = 5) -> Batch:
    chance = np.random.default_rng(seed)
    likes = np.repeat(chance.beta(1, 9, viewers), rows)
    return batch(
        (chance.random(viewers * rows) < likes).astype(float).tolist(), np.repeat(range(viewers), rows).tolist()
    )


def test_it_is_the_mean_of_what_the_rows_stand_for() -> None:
    found = earned(batch([1.0, 0.0, 0.0], [1, 2, 3], kept=[0.5, 1.0, 1.0])).reading()
    assert (found.rows, found.viewers, found.value) == (3, 3, pytest.approx(0.5))


def test_parts_add_up_to_the_whole() -> None:
    one, other = drawn(1), drawn(2)
    whole, parts = earned(one, other).reading(), (earned(one) + earned(other)).reading()
    assert (parts.rows, parts.viewers) == (whole.rows, whole.viewers)
    assert (parts.value, parts.low, parts.high) == pytest.approx((whole.value, whole.low, whole.high), abs=1e-12)


def test_the_interval_holds_the_truth_of_viewers_who_differ() -> None:
    found = [earned(drawn(seed, viewers=150)).reading() for seed in range(200)]
    held = [each.low is not None and each.high is not None and each.low <= 0.1 <= each.high for each in found]
    assert np.mean(held) >= 0.93


def test_where_nobody_was_rewarded_nothing_is_not_certain() -> None:
    nothing = earned(batch([0.0] * 200, [*range(100)] * 2)).reading()
    # Clopper & Pearson 1934: 0 of 100.
    assert (nothing.low, nothing.high) == (0.0, pytest.approx(0.03622, abs=1e-5))
    everything = earned(batch([1.0] * 200, [*range(100)] * 2)).reading()
    assert (everything.low, everything.high) == (pytest.approx(1 - 0.03622, abs=1e-5), 1.0)


def test_one_viewer_has_no_spread_and_no_row_no_value() -> None:
    assert earned(batch([1.0, 0.0], [1, 1])).reading().low is None
    with pytest.raises(NotEstimable):
        Earned().reading()
