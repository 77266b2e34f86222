"""How much chance is left to what looks worse: from predicted costs to probabilities. Knows no features and no log.

Everything works on n slots of K artworks at once, shape (n, K). A row's result does not depend on the rows beside it,
to the last bit, so a slot decided alone and inside a page gets the same probabilities.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """How a trained version explores: SquareCB with `gamma`, and no probability under `epsilon` / K of K artworks."""

    gamma: float
    epsilon: float

    def probabilities(self, costs: NDArray[np.float64]) -> Probabilities:
        """The distributions over predicted costs, (n, K) → (n, K)."""
        return with_floor(square_cb(costs, gamma=self.gamma), epsilon=self.epsilon)


def square_cb(costs: NDArray[np.float64], *, gamma: float) -> Probabilities:
    """Return SquareCB's distributions over costs (n, K): 1 / (K + γ · (cost − best)), and the rest to the best.

    Foster & Rakhlin 2020, "Beyond UCB", algorithm 1 (inverse gap weighting). `gamma` ≥ 0 grows with experience.
    Among equal costs the first counts as best, so costs are given in canonical order.
    """
    best: NDArray[np.intp] = costs.argmin(axis=1, keepdims=True)
    stated = 1.0 / (costs.shape[1] + gamma * (costs - np.take_along_axis(costs, best, axis=1)))
    np.put_along_axis(stated, best, 0.0, axis=1)
    np.put_along_axis(stated, best, 1.0 - stated.sum(axis=1, keepdims=True), axis=1)
    return stated


def with_floor(probabilities: Probabilities, *, epsilon: float) -> Probabilities:
    """Return the nearest distributions (n, K) with no probability under epsilon / K.

    What is under the floor is raised to it; all others give the same amount up. That is the Euclidean projection (Duchi
    et al. 2008, figure 1), which the engine uses too. Rows need not sum to exactly 1 (an engine's float32 does not);
    the result does, to float64 rounding.
    """
    count = probabilities.shape[1]
    floor = epsilon / count
    above = probabilities / probabilities.sum(axis=1, keepdims=True) - floor
    descending = -np.sort(-above, axis=1)
    summed: NDArray[np.float64] = np.cumsum(descending, axis=1)
    ranks = np.arange(1, count + 1, dtype=np.float64)
    excess = (summed - (1.0 - epsilon)) / ranks
    last: NDArray[np.intp] = np.count_nonzero(descending > excess, axis=1, keepdims=True) - 1
    return floor + np.maximum(above - np.take_along_axis(excess, last, axis=1), 0.0)
