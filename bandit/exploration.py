"""How much chance is left to what looks worse: from predicted costs to probabilities. Knows no features and no log."""

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]


def square_cb(costs: NDArray[np.floating], *, gamma: float) -> Probabilities:
    """Return SquareCB's distribution over K costs, shape (K,): 1 / (K + γ · (cost − best)), and the rest to the best.

    Foster & Rakhlin 2020, "Beyond UCB", algorithm 1 (inverse gap weighting). `gamma` ≥ 0 grows with experience.
    Among equal costs the first counts as best, so costs are given in canonical order.
    """
    exact = costs.astype(np.float64)
    best = int(exact.argmin())
    stated = 1.0 / (len(exact) + gamma * (exact - exact[best]))
    stated[best] = 0.0
    stated[best] = 1.0 - stated.sum()
    return stated


def with_floor(probabilities: Probabilities, *, epsilon: float) -> Probabilities:
    """Return the distribution with no probability under epsilon / K, taken in proportion from those above it.

    `probabilities` need not sum to exactly 1 (an engine's float32 does not); the result does, to float64 rounding.
    """
    floor = epsilon / len(probabilities)
    raised = np.zeros(len(probabilities), dtype=np.bool_)
    stated = probabilities / probabilities.sum()
    while (low := (stated < floor) & ~raised).any():
        raised |= low
        free = stated[~raised].sum()
        stated = np.where(raised, floor, stated * ((1.0 - floor * raised.sum()) / free))
    return stated
