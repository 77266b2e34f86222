"""Sums that stream: the spread by row and by viewer, against the plain computation."""

import numpy as np
import pytest

from bandit.ope.batch import Batch, Floats, viewer_keys
from bandit.ope.intervals import student_quantile
from bandit.ope.sums import Sums


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


def test_both_spreads_equal_the_plain_computation_however_the_rows_arrive() -> None:
    rng = np.random.default_rng(4)
    # More viewers than are kept unmerged, so that merging happens on the way.
    terms, viewers = rng.normal(size=(200_000, 3)), rng.integers(90_000, size=200_000)
    gradient = np.array([0.5, -2.0, 1.0])
    by_viewer = np.zeros((90_000, 3))
    np.add.at(by_viewer, viewers, terms)
    for batch_rows in (200_000, 30_000):
        sums = summed(terms, viewers, batch_rows=batch_rows)
        assert sums.viewers == len(np.unique(viewers))
        assert sums.row_spread(gradient) == pytest.approx(float(np.linalg.norm(terms @ gradient)), rel=1e-12)
        assert sums.viewer_spread(gradient) == pytest.approx(float(np.linalg.norm(by_viewer @ gradient)), rel=1e-12)
        np.testing.assert_allclose(sums.totals, terms.sum(axis=0), rtol=1e-10)


def test_spread_survives_terms_that_cancel() -> None:
    weights = np.random.default_rng(1).gamma(1.0, size=5000) * 1e6
    sums = summed(np.stack([0.3 * weights, weights], axis=1), np.arange(5000) % 70, batch_rows=64)
    nothing = np.array([1.0, -0.3])
    for spread in (sums.row_spread(nothing), sums.viewer_spread(nothing)):
        assert spread < 1e-12 * float(np.linalg.norm(weights)) * 10


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
