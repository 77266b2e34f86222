"""Inverse gap weighting and the floor, on numbers worked out by hand."""

import numpy as np
import pytest

from bandit.exploration import square_cb, with_floor


def test_square_cb_weighs_by_the_inverse_gap() -> None:
    [stated] = square_cb(np.array([[0.5, 0.2, 0.3]]), gamma=10.0)
    assert stated == pytest.approx([1 / 6, 1 - 1 / 6 - 1 / 4, 1 / 4])


def test_square_cb_without_experience_or_gap_is_uniform() -> None:
    assert square_cb(np.array([[0.9, 0.1, 0.4]]), gamma=0.0)[0] == pytest.approx([1 / 3] * 3)
    assert square_cb(np.full((1, 4), 0.7), gamma=1e6)[0] == pytest.approx([0.25] * 4)


def test_nothing_is_under_the_floor_and_the_others_give_up_the_same() -> None:
    [stated] = with_floor(np.array([[0.80, 0.16, 0.04, 0.0]]), epsilon=0.2)
    assert stated == pytest.approx([0.77, 0.13, 0.05, 0.05])
    untouched = np.array([[0.5, 0.3, 0.2]])
    assert with_floor(untouched, epsilon=0.1) == pytest.approx(untouched)


def test_what_sinks_under_the_floor_while_others_are_raised_stays_on_it() -> None:
    [stated] = with_floor(np.array([[0.94, 0.06, 0.0, 0.0]]), epsilon=0.2)
    assert stated == pytest.approx([0.85, 0.05, 0.05, 0.05])


@pytest.mark.parametrize("seed", range(20))
def test_any_distribution_comes_out_valid_and_stays_as_it_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 30))
    rough = rng.dirichlet(np.full(count, 0.05), size=50).astype(np.float32).astype(np.float64)
    stated = with_floor(rough, epsilon=0.01)
    assert stated.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert stated.min() >= 0.01 / count * (1 - 1e-12)
    assert with_floor(stated, epsilon=0.01) == pytest.approx(stated, abs=1e-15)


def test_c6_a_slot_alone_and_in_a_page_gets_the_same_to_the_last_bit() -> None:
    costs = np.random.default_rng(3).random((40, 9))
    together = with_floor(square_cb(costs, gamma=300.0), epsilon=0.01)
    alone = [with_floor(square_cb(row[np.newaxis], gamma=300.0), epsilon=0.01)[0] for row in costs]
    assert np.array_equal(together, alone)
