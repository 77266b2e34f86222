"""Sums that stream: the spread by row and by viewer, against the plain computation."""

import numpy as np
import pytest

from bandit.ope.batch import Batch, Floats, viewer_keys
from bandit.ope.intervals.quantiles import student_quantile
from bandit.ope.sums import Sums
from bandit.ope.viewers import MOST_COUNTED, MOST_EXACT, ViewerSet


def anyone(viewers: np.ndarray) -> Batch:
    rows = len(viewers)
    return Batch(
        propensity=np.ones(rows), target=np.ones(rows), reward=np.ones(rows), viewers=viewers.astype(np.uint64)
    )


def summed(terms: Floats, viewers: np.ndarray, *, batch_rows: int) -> Sums:
    sums = Sums(terms.shape[1])
    for start in range(0, len(terms), batch_rows):
        part = slice(start, start + batch_rows)
        sums.add(terms[part], anyone(viewers[part]))
    return sums


def plain_spreads(terms: Floats, viewers: np.ndarray, gradient: Floats) -> tuple[float, float]:
    """By row and by viewer, with everything in memory at once."""
    by_viewer = np.zeros((viewers.max() + 1, terms.shape[1]))
    np.add.at(by_viewer, viewers, terms)
    return float(np.linalg.norm(terms @ gradient)), float(np.linalg.norm(by_viewer @ gradient))


@pytest.mark.parametrize("batch_rows", [200_000, 30_000])
def test_both_spreads_equal_the_plain_computation_however_the_rows_arrive(batch_rows: int) -> None:
    rng = np.random.default_rng(4)
    terms, viewers = rng.normal(size=(200_000, 3)), rng.integers(50_000, size=200_000)
    gradient = np.array([0.5, -2.0, 1.0])
    sums = summed(terms, viewers, batch_rows=batch_rows)
    assert sums.viewer_pieces == len(np.unique(viewers))
    spreads = sums.row_spread(gradient), sums.viewer_spread(gradient)
    assert spreads == pytest.approx(plain_spreads(terms, viewers, gradient), rel=1e-12)
    np.testing.assert_allclose(sums.totals, terms.sum(axis=0), rtol=1e-10)


def test_more_viewers_than_are_kept_apart_are_summed_in_buckets_with_the_same_spread() -> None:
    rng = np.random.default_rng(5)
    viewers = np.repeat(rng.permutation(150_000), 2)
    # Rows of one viewer are alike, so the spread by row would be too small by √2.
    terms = np.repeat(rng.normal(size=(150_000, 1)), 2, axis=0)
    gradient = np.ones(1)
    sums = summed(terms, viewers, batch_rows=40_000)
    assert MOST_EXACT / 2 < sums.viewer_pieces <= MOST_EXACT
    assert sums.viewer_spread(gradient) == pytest.approx(plain_spreads(terms, viewers, gradient)[1], rel=0.02)


def test_buckets_are_the_same_however_a_log_is_parted() -> None:
    rng = np.random.default_rng(6)
    terms, viewers, gradient = rng.normal(size=(120_000, 2)), rng.permutation(120_000), np.array([1.0, 2.0])
    whole = summed(terms, viewers, batch_rows=120_000)
    first, second = (
        summed(terms[part], viewers[part], batch_rows=9_000) for part in (slice(50_000), slice(50_000, None))
    )
    both, reversed_ = first + second, second + whole + first
    assert (both.viewer_pieces, reversed_.viewer_pieces) == (whole.viewer_pieces, whole.viewer_pieces)
    assert both.viewer_spread(gradient) == pytest.approx(whole.viewer_spread(gradient), rel=1e-12)
    assert reversed_.viewer_spread(gradient) == pytest.approx(2 * whole.viewer_spread(gradient), rel=1e-12)


@pytest.mark.parametrize("batch_rows", [300_000, 7_000])
def test_viewers_are_counted_once_however_they_arrive(batch_rows: int) -> None:
    viewers = np.random.default_rng(7).integers(170_000, size=300_000)
    halves = ViewerSet(), ViewerSet()
    for start in range(0, len(viewers), batch_rows):
        halves[start // batch_rows % 2].add(anyone(viewers[start : start + batch_rows]))
    assert len(halves[0] + halves[1]) == len(np.unique(viewers))
    assert len(ViewerSet()) == len(ViewerSet() + ViewerSet()) == 0


def test_very_many_viewers_are_counted_from_a_sample_that_no_parting_changes() -> None:
    viewers = np.arange(3_000_000) * 1_000_003
    whole, parts = ViewerSet(), [ViewerSet(), ViewerSet(), ViewerSet()]
    whole.add(anyone(viewers))
    for start in range(0, len(viewers), 250_000):
        parts[start // 250_000 % 3].add(anyone(viewers[start : start + 250_000]))
        parts[0].add(anyone(viewers[:1000]))
    assert len(whole) == len(parts[2] + parts[0] + parts[1])
    assert len(whole) == pytest.approx(len(viewers), rel=0.005)
    assert len(whole) > MOST_COUNTED
    assert sum(len(keys) for keys in whole._parts) <= MOST_COUNTED


def test_spread_survives_terms_that_cancel() -> None:
    weights = np.random.default_rng(1).gamma(1.0, size=5000) * 1e6
    sums = summed(np.stack([0.3 * weights, weights], axis=1), np.arange(5000) % 70, batch_rows=64)
    nothing = np.array([1.0, -0.3])
    for spread in (sums.row_spread(nothing), sums.viewer_spread(nothing)):
        assert spread < 1e-12 * float(np.linalg.norm(weights)) * 10


@pytest.mark.parametrize("batch_rows", [5_000, 7])
def test_many_terms_have_the_plain_spreads_too_also_where_they_cancel(batch_rows: int) -> None:
    rng = np.random.default_rng(8)
    terms, viewers = rng.gamma(1.0, size=(5_000, 14)), rng.integers(300, size=5_000)
    terms[:, 13], terms[:, 5] = 0.3 * terms[:, 2], 0.0
    gradient = rng.normal(size=14)
    sums = summed(terms, viewers, batch_rows=batch_rows)
    spreads = sums.row_spread(gradient), sums.viewer_spread(gradient)
    assert spreads == pytest.approx(plain_spreads(terms, viewers, gradient), rel=1e-12)
    nothing = np.zeros(14)
    nothing[[13, 2]] = 1.0, -0.3
    assert sums.row_spread(nothing) < 1e-12 * float(np.linalg.norm(terms[:, 2]))


def test_terms_that_are_always_zero_have_no_spread() -> None:
    sums = summed(np.zeros((10, 2)), np.arange(10), batch_rows=4)
    assert sums.row_spread(np.array([1.0, 1.0])) == 0.0


def test_viewer_keys_are_the_same_in_every_part_of_a_log() -> None:
    whole = viewer_keys(["ann", "bob", "ann", "eve"])
    assert whole[0] == whole[2]
    assert len(np.unique(whole)) == 3
    assert viewer_keys(["eve"])[0] == whole[3]


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(1, 12.706204736), (2, 4.30265273), (3, 3.182446305), (5, 2.570581836), (30, 2.042272456), (10_000, 1.960201264)],
)
def test_student_quantile_matches_the_tables(degrees: int, expected: float) -> None:
    assert student_quantile(0.95, degrees) == pytest.approx(expected, rel=0.0013)
