"""Adjusted p-values and intervals of many questions, against worked examples and against chance itself."""

from collections.abc import Callable

import numpy as np
import pytest

from bandit.ope.batch import Floats
from bandit.ope.intervals.simultaneous import benjamini_hochberg, holm, simultaneous, simultaneous_quantile

Adjust = Callable[[Floats], Floats]
P = np.array([0.01, 0.04, 0.03, 0.005])


def test_holm_multiplies_the_smallest_by_all_and_never_goes_back() -> None:
    assert holm(P) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_multiplies_by_questions_over_rank() -> None:
    assert benjamini_hochberg(P) == pytest.approx([0.02, 0.04, 0.04, 0.02])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_was_not_asked_stays_unknown_and_costs_nothing(adjust: Adjust) -> None:
    with_gap = adjust(np.array([0.01, np.nan, 0.04]))
    assert np.isnan(with_gap[1])
    assert with_gap[[0, 2]] == pytest.approx(adjust(np.array([0.01, 0.04])))
    assert adjust(np.array([])).shape == (0,)
    assert adjust(np.array([0.9, 0.8])).max() <= 1.0


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_is_no_probability_is_refused(adjust: Adjust) -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        adjust(np.array([0.5, 1.2]))


def test_one_question_needs_no_widening_and_many_do() -> None:
    low, high = simultaneous(np.array([1.0]), np.array([1.0]), level=0.95)
    assert (low[0], high[0]) == pytest.approx((1 - 1.959964, 1 + 1.959964), abs=1e-5)
    assert simultaneous_quantile(10, degrees=9) > simultaneous_quantile(10) > simultaneous_quantile(2) > 1.96
    with pytest.raises(ValueError, match="confidence level"):
        simultaneous_quantile(3, level=1.0)


def test_values_that_are_missing_count_for_no_question() -> None:
    low, high = simultaneous(np.array([0.0, np.nan]), np.array([1.0, np.nan]))
    assert high[0] == pytest.approx(1.959964, abs=1e-5)
    assert np.isnan(low[1])


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_all_intervals_hold_at_once_as_often_as_promised(shared: float) -> None:
    rng = np.random.default_rng(3)
    noise = np.sqrt(shared) * rng.normal(size=(4000, 1)) + np.sqrt(1 - shared) * rng.normal(size=(4000, 20))
    reach = simultaneous_quantile(20)
    assert np.mean(np.abs(noise).max(axis=1) <= reach) >= 0.945
    assert np.mean(np.abs(noise).max(axis=1) <= 1.96) < 0.9
