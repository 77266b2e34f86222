"""Logs with known answers."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch, Eligible, Floats, Integers, Predicted

MakeBatch = Callable[..., Batch]


def table_batch(logged: Floats, target: Floats, *, chosen: Integers, reward: Floats, **more: object) -> Batch:
    """A batch whose rows all have the same artworks: `logged` and `target` are (n, artworks)."""
    rows, width = logged.shape
    starts = np.arange(rows + 1) * width
    eligible = Eligible(
        starts=starts,
        chosen=starts[:-1] + chosen,
        artworks=np.tile(np.arange(width), rows),
        names=tuple(f"t/{index}" for index in range(width)),
        logged=logged.ravel(),
        target=target.ravel(),
    )
    places = np.arange(rows), chosen
    return Batch(propensity=logged[places], target=target[places], reward=reward, eligible=eligible, **more)  # type: ignore[arg-type]


@pytest.fixture
def make_batch() -> MakeBatch:
    return table_batch


@pytest.fixture
def golden() -> Batch:
    """G1: twelve rows whose estimates two other implementations agree on."""
    chosen = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1, 2, 1, 0])
    target: Sequence[Sequence[float]] = [
        [0.2, 0.3, 0.5],
        [0.1, 0.8, 0.1],
        [0.0, 0.0, 1.0],
        [0.6, 0.2, 0.2],
        [0.3, 0.3, 0.4],
        [0.25, 0.5, 0.25],
        [1.0, 0.0, 0.0],
        [0.4, 0.4, 0.2],
        [0.0, 0.5, 0.5],
        [0.1, 0.1, 0.8],
        [0.2, 0.7, 0.1],
        [0.3, 0.3, 0.4],
    ]
    predicted: Sequence[Sequence[float]] = [
        [0.5, 0.2, 0.6],
        [0.4, 0.3, 0.5],
        [0.2, 0.2, 0.8],
        [0.5, 0.5, 0.5],
        [0.1, 0.7, 0.3],
        [0.3, 0.3, 0.3],
        [0.9, 0.1, 0.4],
        [0.2, 0.6, 0.4],
        [0.5, 0.5, 0.1],
        [0.6, 0.3, 0.7],
        [0.4, 0.4, 0.4],
        [0.1, 0.2, 0.3],
    ]
    return Batch(
        predicted=Predicted(
            shown=np.array(predicted)[np.arange(12), chosen],
            target=(np.array(predicted) * np.array(target)).sum(axis=1),
        ),
        propensity=np.array([0.5, 0.25, 0.25, 0.5, 0.3, 0.2, 0.8, 0.1, 0.6, 0.3, 0.1, 0.4]),
        target=np.array(target)[np.arange(12), chosen],
        reward=np.array([1.0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0]),
    )


@pytest.fixture
def crowd() -> Batch:
    """3,000 rows of 200 viewers, 4 artworks, drawn from what is logged; rewards hang together by viewer."""
    rng = np.random.default_rng(12)
    logged, target = rng.dirichlet(np.ones(4) * 5, 3000), rng.dirichlet(np.ones(4) * 5, 3000)
    chosen = (rng.random((3000, 1)) >= logged.cumsum(axis=1)).sum(axis=1)
    viewers = rng.integers(200, size=3000)
    rate = rng.random(200)[viewers] * (0.5 + 0.5 * (chosen == 1))
    reward = (rng.random(3000) < rate).astype(np.float64)
    batch = table_batch(logged, target, chosen=chosen, reward=reward, viewers=viewers.astype(np.uint64))
    foreseen, alike = rng.random((3000, 4)), rng.random((4, 4))
    likeness = np.where(np.eye(4) == 1.0, 1.0, (alike + alike.T) / 2)[chosen].ravel()
    assert batch.eligible is not None
    return replace(
        batch,
        eligible=replace(batch.eligible, likeness=likeness),
        predicted=Predicted(shown=foreseen[np.arange(3000), chosen], target=(foreseen * target).sum(axis=1)),
    )
