"""Inverse gap weighting and the floor, on numbers worked out by hand."""

import numpy as np
import pytest

from bandit.exploration import square_cb, with_floor


def test_square_cb_weighs_by_the_inverse_gap() -> None:
    stated = square_cb(np.array([0.5, 0.2, 0.3]), gamma=10.0)
    assert stated == pytest.approx([1 / 6, 1 - 1 / 6 - 1 / 4, 1 / 4])


def test_square_cb_without_experience_or_gap_is_uniform() -> None:
    assert square_cb(np.array([0.9, 0.1, 0.4]), gamma=0.0) == pytest.approx([1 / 3] * 3)
    assert square_cb(np.full(4, 0.7, dtype=np.float32), gamma=1e6) == pytest.approx([0.25] * 4)


def test_nothing_is_under_the_floor_and_the_rest_keeps_its_proportions() -> None:
    stated = with_floor(np.array([0.9, 0.06, 0.04, 0.0]), epsilon=0.2)
    assert stated == pytest.approx([0.84375, 0.05625, 0.05, 0.05])
    untouched = np.array([0.5, 0.3, 0.2])
    assert with_floor(untouched, epsilon=0.1) == pytest.approx(untouched)


def test_what_sinks_under_the_floor_while_others_are_raised_is_raised_too() -> None:
    stated = with_floor(np.array([0.8475, 0.0505, 0.1020, 0.0]), epsilon=0.2)
    assert stated.min() == pytest.approx(0.05)
    assert stated.sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_any_distribution_comes_out_valid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rough = rng.dirichlet(np.full(rng.integers(1, 30), 0.05)).astype(np.float32).astype(np.float64)
    stated = with_floor(rough, epsilon=0.01)
    assert stated.sum() == pytest.approx(1.0, abs=1e-12)
    assert stated.min() >= 0.01 / len(stated) * (1 - 1e-12)
