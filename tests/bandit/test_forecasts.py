"""Whether forecasts came true: two intervals are compared as a difference is, and shares are counted."""

import numpy as np
import pytest

from bandit.forecasts import Range, agree, coverage


def about(value: float, reach: float) -> Range:
    return Range(value=value, low=value - reach, high=value + reach)


def test_what_was_observed_may_lie_as_far_off_as_both_are_unsure() -> None:
    assert agree(about(0.10, 0.03), about(0.149, 0.04))
    assert not agree(about(0.10, 0.03), about(0.151, 0.04))
    assert agree(about(0.10, 0.03), about(0.051, 0.04))
    assert not agree(about(0.10, 0.03), about(0.049, 0.04))


def test_the_ends_that_face_each_other_count() -> None:
    foretold = Range(value=0.1, low=0.0, high=0.11)
    sure = about(0.12, 0.0)
    assert not agree(foretold, sure)
    assert agree(foretold, about(0.08, 0.0))


def test_true_forecasts_agree_as_often_as_their_level_says() -> None:
    chance = np.random.default_rng(1)
    forecasts, outcomes = chance.normal(0.1, 0.01, 4000), chance.normal(0.1, 0.02, 4000)
    pairs = zip(forecasts.tolist(), outcomes.tolist(), strict=True)
    share = np.mean([agree(about(told, 0.0196), about(seen, 0.0392)) for told, seen in pairs])
    assert share == pytest.approx(0.95, abs=0.012)


def test_only_what_can_be_told_is_counted() -> None:
    counted = coverage([True, None, True, False, None])
    assert (counted.settled, counted.covered, counted.share) == (3, 2, pytest.approx(2 / 3))
    # Clopper & Pearson 1934: 2 of 3.
    assert (counted.low, counted.high) == (pytest.approx(0.0943, abs=1e-4), pytest.approx(0.9916, abs=1e-4))
    assert coverage([None]).share is None
    assert (coverage([True]).high, coverage([False]).low) == (1.0, 0.0)
