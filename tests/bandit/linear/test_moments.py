"""Sums over rows: what they hold, that they merge, fade and grow."""

import numpy as np
import pytest

from bandit.linear.moments import Batch, Moments, moments_from_arrays

ARTWORKS, SIDE, CONTEXT = 7, 3, 4


def rows(seed: int, count: int = 60) -> Batch:
    rng = np.random.default_rng(seed)
    return Batch(
        contexts=rng.normal(size=(count, CONTEXT)),
        artworks=rng.integers(ARTWORKS - 1, size=count),
        rewards=rng.random(count),
        weights=rng.uniform(0.5, 2.0, count),
    )


def sides() -> np.ndarray:
    return np.random.default_rng(9).normal(size=(ARTWORKS, SIDE))


def summed(*batches: Batch) -> Moments:
    moments = Moments.empty(sides(), CONTEXT)
    for batch in batches:
        moments.add(batch)
    return moments


def same(one: Moments, other: Moments) -> bool:
    pairs = zip(one.to_arrays().values(), other.to_arrays().values(), strict=True)
    return all(np.allclose(mine, yours, rtol=1e-12, atol=1e-12) for mine, yours in pairs)


def test_second_moments_are_those_of_the_crossed_features() -> None:
    batch = rows(0)
    features = np.einsum("nc,na->nca", batch.contexts, sides()[batch.artworks]).reshape(len(batch.rewards), -1)
    expected = (features * batch.weights[:, None]).T @ features
    crossed = summed(batch).crossed.reshape(CONTEXT, CONTEXT, SIDE, SIDE).transpose(0, 2, 1, 3)
    assert np.allclose(crossed.reshape(expected.shape), expected, rtol=1e-12)


def test_sums_by_artwork() -> None:
    batch, moments = rows(1), summed(rows(1))
    mine = batch.artworks == 3
    weights = batch.weights[mine]
    assert moments.rows[3] == pytest.approx(weights.sum())
    assert moments.rewards[3] == pytest.approx(weights @ batch.rewards[mine])
    assert moments.contexts[3] == pytest.approx(weights @ batch.contexts[mine])
    assert moments.rewarded[3] == pytest.approx((weights * batch.rewards[mine]) @ batch.contexts[mine])
    assert moments.squares == pytest.approx(batch.weights @ batch.rewards**2)
    assert moments.rows[ARTWORKS - 1] == 0


def test_parts_added_are_the_whole() -> None:
    assert same(summed(rows(1)) + summed(rows(2)), summed(rows(1), rows(2)))


def test_fading_is_a_smaller_weight() -> None:
    batch = rows(3)
    faded = summed(batch)
    faded.fade(0.25)
    assert same(faded, summed(Batch(batch.contexts, batch.artworks, batch.rewards, batch.weights / 4)))


def test_room_for_more_artworks_changes_no_sum() -> None:
    small = Moments.empty(sides()[:-1], CONTEXT)
    small.add(rows(4))
    assert same(small.grown(sides()), summed(rows(4)))


def test_they_survive_as_arrays() -> None:
    moments = summed(rows(5))
    assert same(moments_from_arrays(moments.to_arrays()), moments)
