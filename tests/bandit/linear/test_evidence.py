"""The regression: against the dense normal equations, against known truth, and at its edges."""

import numpy as np
import pytest

from bandit.linear.evidence import Design, infer
from bandit.linear.moments import Batch, Moments

TITLES, EACH, SIDE, CONTEXT = 12, 5, 4, 6
COUNT = TITLES * EACH


class Known:
    """Rows from a known linear model: own terms on top of crossed weights, some groups empty of truth."""

    def __init__(self, seed: int, *, rows: int = 6000, noise: float = 0.3) -> None:
        rng = np.random.default_rng(seed)
        self.sides = np.concatenate([np.ones((COUNT, 1)), rng.normal(size=(COUNT, SIDE - 1))], axis=1)
        self.mains = rng.normal(size=(COUNT, 2))
        self.titles = np.repeat(np.arange(TITLES), EACH)
        self.weights = np.zeros((CONTEXT, SIDE))
        self.weights[1:, 1:] = 0.3 * rng.normal(size=(CONTEXT - 1, SIDE - 1))
        self.own = 0.2 * rng.normal(size=COUNT) + rng.normal(size=TITLES)[self.titles]
        self.contexts = np.concatenate([np.ones((rows, 1)), rng.normal(size=(rows, CONTEXT - 1))], axis=1)
        self.artworks = rng.integers(COUNT, size=rows)
        truth = ((self.contexts @ self.weights) * self.sides[self.artworks]).sum(axis=1) + self.own[self.artworks]
        self.rewards = truth + noise * rng.normal(size=rows)

    @property
    def moments(self) -> Moments:
        moments = Moments.empty(self.sides, CONTEXT)
        moments.add(Batch(self.contexts, self.artworks, self.rewards, np.ones(len(self.rewards))))
        return moments

    @property
    def design(self) -> Design:
        columns = np.arange(CONTEXT * SIDE).reshape(CONTEXT, SIDE)
        groups = {
            "artwork": columns[0, 1:],
            "context": columns[1:, 0],
            "crossed": columns[1:, 1:].ravel(),
            "mains": CONTEXT * SIDE + np.arange(2),
        }
        return Design(self.mains, self.titles, groups)


def test_the_answer_is_that_of_the_dense_normal_equations() -> None:
    """With the precisions that it found: one big ridge over features, own terms and free title means."""
    known = Known(0)
    posterior, _ = infer(known.moments, known.design)
    crossed = np.einsum("nc,na->nca", known.contexts, known.sides[known.artworks]).reshape(len(known.rewards), -1)
    own, titles = np.eye(COUNT)[known.artworks], np.eye(TITLES)[known.titles[known.artworks]]
    features = np.concatenate([crossed[:, 1:], known.mains[known.artworks], own, titles], axis=1)
    prior = np.zeros(CONTEXT * SIDE + 2)
    for name, columns in known.design.groups.items():
        prior[columns] = posterior.precisions[name]
    prior = np.concatenate([prior[1:], np.full(COUNT, posterior.precisions["own"]), np.full(TITLES, 1e-9)])
    precision = features.T @ features / posterior.noise + np.diag(prior)
    dense = np.linalg.solve(precision, features.T @ known.rewards / posterior.noise)
    assert posterior.mean[1:] == pytest.approx(dense[: CONTEXT * SIDE + 1], abs=1e-7)
    assert posterior.own == pytest.approx(dense[-COUNT - TITLES : -TITLES] + dense[-TITLES:][known.titles], abs=1e-7)
    spread = np.linalg.inv(precision)[: CONTEXT * SIDE + 1, : CONTEXT * SIDE + 1]
    assert posterior.covariance[1:, 1:] == pytest.approx(spread, abs=1e-9)


def test_it_finds_the_truth_and_the_noise() -> None:
    known = Known(1, rows=20_000)
    posterior, _ = infer(known.moments, known.design)
    found = posterior.mean[: CONTEXT * SIDE].reshape(CONTEXT, SIDE)
    assert found[1:, 1:] == pytest.approx(known.weights[1:, 1:], abs=0.02)
    assert posterior.noise == pytest.approx(0.09, rel=0.05)


def test_a_group_without_truth_is_held_at_nothing() -> None:
    known = Known(2)
    precisions = infer(known.moments, known.design)[0].precisions
    assert precisions["crossed"] < 100
    assert precisions["mains"] > 20 * precisions["crossed"]
    assert precisions["context"] > 20 * precisions["crossed"]


def test_few_rows_are_believed_less_than_many() -> None:
    known = Known(3)
    first, later = Known(3, rows=300), Known(3, rows=30_000)
    assert np.trace(infer(first.moments, first.design)[0].covariance) > np.trace(
        infer(later.moments, later.design)[0].covariance
    )
    assert infer(known.moments, known.design)[0].effective < CONTEXT * SIDE + 2


def test_how_sure_own_terms_are() -> None:
    """The conditional variance of own terms and their leverage make up the joint covariance of the dense system."""
    known = Known(4)
    posterior, told = infer(known.moments, known.design)
    spread = told()
    marginal = spread.variance + np.einsum("np,pq,nq->n", spread.leverage, posterior.covariance, spread.leverage)
    errors = (posterior.own - known.own) / np.sqrt(marginal)
    assert 0.6 < np.sqrt((errors**2).mean()) < 1.5


def test_an_artwork_that_was_never_shown_is_unknown() -> None:
    known = Known(5)
    known.artworks = np.where(known.artworks == 7, 8, known.artworks)
    posterior, told = infer(known.moments, known.design)
    assert posterior.own[7] == 0.0
    assert told().variance[7] == pytest.approx(1.0 / posterior.precisions["own"])


def test_equal_rewards_teach_nothing_and_break_nothing() -> None:
    known = Known(6)
    known.rewards = np.full(len(known.rewards), 0.0)
    posterior, _ = infer(known.moments, known.design)
    assert np.isfinite(posterior.mean).all()
    assert np.abs(posterior.mean).max() < 1e-9


def test_without_own_terms_a_title_is_one() -> None:
    known = Known(7)
    design = Design(known.mains, known.titles, known.design.groups, own=False)
    own = infer(known.moments, design)[0].own.reshape(TITLES, EACH)
    assert np.ptp(own, axis=1).max() < 1e-4


def test_a_title_that_has_nearly_faded_away_is_told_exactly() -> None:
    known = Known(9)
    known.titles = np.where(np.arange(COUNT) == 0, TITLES, known.titles)
    moments = Moments.empty(known.sides, CONTEXT)
    moments.add(Batch(known.contexts, known.artworks, known.rewards, np.where(known.artworks == 0, 1e-7, 1.0)))
    posterior, told = infer(moments, Design(known.mains, known.titles, known.design.groups, own=False))
    assert told().variance[0] == pytest.approx(posterior.noise / moments.rows[0], rel=1e-12)


def test_thousands_of_artworks_are_solved_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(8)
    whole, _ = infer(known.moments, known.design)
    monkeypatch.setattr("bandit.linear.evidence._ARTWORKS_AT_ONCE", 8)
    monkeypatch.setattr("bandit.linear.moments._ARTWORKS_AT_ONCE", 3)
    parts, _ = infer(known.moments, known.design)
    assert parts.mean == pytest.approx(whole.mean, abs=1e-9)
    assert parts.own == pytest.approx(whole.own, abs=1e-9)
