"""The lowest value that pieces allow, against the reweighting itself, solved row by row."""

import math

import numpy as np
import pytest

from bandit.ope.batch import Floats
from bandit.ope.intervals.likelihood import Moments, Question, lowest

MEAN_REWARD = Question(
    numerator=np.array([0.0, 0.0, 1.0]), denominator=np.array([1.0, 0.0, 0.0]), zero=np.array([[-1.0, 1.0, 0.0]])
)


def moments(terms: Floats) -> Moments:
    return Moments(pieces=len(terms), totals=terms.sum(axis=0), gram=terms.T @ terms)


def rows(count: int = 60, seed: int = 4) -> Floats:
    rng = np.random.default_rng(seed)
    weights = rng.gamma(1.5, 1 / 1.5, count)
    return np.stack([np.ones(count), weights, weights * (rng.random(count) < 0.4)], axis=1)


def distance(terms: Floats, conditions: Floats) -> float:
    """min Σ (n q − 1)² over shares q that add to 1 and make all `conditions` (n, m) average 0: least squares."""
    held = np.column_stack([np.ones(len(terms)), conditions])
    must = np.zeros(held.shape[1])
    must[0] = 1.0
    equal = np.full(len(terms), 1.0 / len(terms))
    moved = np.linalg.lstsq(held.T, must - held.T @ equal, rcond=None)[0]
    return float(len(terms) ** 2 * moved @ moved)


@pytest.mark.parametrize("reach", [1.0, 1.96, 4.0])
def test_the_lowest_value_is_where_the_reweighting_reaches_its_limit(reach: float) -> None:
    terms = rows()
    low = lowest(moments(terms), MEAN_REWARD, reach=reach)
    weights_only = terms[:, 1] - terms[:, 0]
    with_value = np.column_stack([weights_only, terms[:, 2] - low * terms[:, 0]])
    farther = distance(terms, with_value) - distance(terms, weights_only[:, None])
    # What is left after the weights' condition is measured against the residual variance: F-distributed in the limit.
    assert farther == pytest.approx(reach**2 * len(terms) / (len(terms) - 1), rel=1e-9)
    assert low < lowest(moments(terms), MEAN_REWARD, reach=reach / 2)


def test_a_reward_that_follows_the_weight_is_known_without_any_spread() -> None:
    terms = rows()
    terms[:, 2] = 0.3 * terms[:, 1]
    assert lowest(moments(terms), MEAN_REWARD, reach=3.0) == pytest.approx(0.3, abs=1e-9)


def test_where_the_denominator_may_be_nothing_any_value_is_allowed() -> None:
    terms = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert lowest(moments(terms), MEAN_REWARD, reach=4.0) == -math.inf


def test_a_piece_more_is_the_moments_of_all() -> None:
    terms = rows()
    built, whole = moments(terms[:-1]).with_piece(terms[-1]), moments(terms)
    assert built.pieces == whole.pieces
    np.testing.assert_allclose(built.gram, whole.gram, rtol=1e-12)
    np.testing.assert_allclose(built.totals, whole.totals, rtol=1e-12)
