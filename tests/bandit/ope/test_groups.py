"""Sums by group: the spread by piece is that by viewer, and counts of viewers are about right."""

import numpy as np
import pytest

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch
from bandit.ope.distinct import count, smallest_by_group, united
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.groups import Group, grouped, merged, read_ratio
from bandit.ope.intervals.interval import Method


def weighed(batch: Batch) -> np.ndarray:
    return np.stack([batch.weights * batch.reward, batch.weights], axis=1)


def whole(batch: Batch) -> Group:
    return grouped(weighed(batch), batch, codes=np.zeros(len(batch), dtype=np.int64), names=["all"])["all"]


def test_without_viewers_the_interval_is_the_normal_one(golden: Batch) -> None:
    estimator = SNIPS()
    estimator.add(golden)
    found = read_ratio(whole(golden), over=0, under=1, level=0.95)
    expected = estimator.interval(0.95)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(
        (estimator.estimate(), expected.low, expected.high), abs=1e-12
    )


def test_pieces_of_viewers_spread_as_viewers_do(crowd: Batch) -> None:
    estimator = SNIPS()
    estimator.add(crowd)
    group = whole(crowd)
    totals = group.totals
    gradient = np.array([1.0, -totals[0] / totals[1]]) / totals[1]
    error, degrees = group.error(gradient)
    assert error == pytest.approx(estimator.standard_error(method=Method.VIEWER_CLUSTERED), rel=0.15)
    assert error > 1.15 * estimator.standard_error(method=Method.NORMAL)
    assert degrees is not None
    assert 80 < degrees < 128


def test_parts_added_equal_the_whole(crowd: Batch) -> None:
    early = np.arange(3000) < 1234
    parts = whole(crowd.select(early)) + whole(crowd.select(~early))
    assert parts.pieces == pytest.approx(whole(crowd).pieces, abs=1e-12)
    assert parts.rows == 3000


def test_a_constant_difference_of_nothing_is_no_finding(crowd: Batch) -> None:
    terms = np.stack([np.full(3000, 1e-17), np.ones(3000)], axis=1)
    group = grouped(terms, crowd, codes=np.zeros(3000, dtype=np.int64), names=["all"])["all"]
    found = read_ratio(group, over=0, under=1, level=0.95)
    assert found is not None
    assert found.p_value == 1.0


def test_a_group_of_one_viewer_or_row_has_no_interval(crowd: Batch, golden: Batch) -> None:
    one_row = golden.select(np.arange(12) == 0)
    assert read_ratio(whole(one_row), over=0, under=1, level=0.95) is None
    assert crowd.viewers is not None
    one_viewer = crowd.select(crowd.viewers == crowd.viewers[0])
    assert read_ratio(whole(one_viewer), over=0, under=1, level=0.95) is None


def test_rows_with_and_without_viewers_do_not_mix(crowd: Batch, golden: Batch) -> None:
    with pytest.raises(InvalidExample, match="every row its viewer"):
        merged({"all": whole(crowd)}, {"all": whole(golden)})


@pytest.mark.parametrize("viewers", [3, 512, 40_000])
def test_viewers_are_counted_about_right_whatever_the_parts(viewers: int) -> None:
    rng = np.random.default_rng(viewers)
    keys = rng.integers(1 << 63, size=viewers).astype(np.uint64)
    rows = rng.permutation(np.repeat(keys, 3))
    codes = np.zeros(len(rows), dtype=np.int64)
    one = smallest_by_group(rows, codes=codes, names=["all"], known={})["all"]
    half = len(rows) // 2
    first = smallest_by_group(rows[:half], codes=codes[:half], names=["all"], known={})
    second = smallest_by_group(rows[half:], codes=codes[half:], names=["all"], known=first)
    assert united(first["all"], second.get("all", one[:0])).tolist() == one.tolist()
    assert count(one) == pytest.approx(viewers, rel=0.0 if viewers < 512 else 0.13)
