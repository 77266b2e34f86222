"""How much chance is left to what looks worse: from predicted costs to probabilities. Knows no features and no log.

Everything works on n slots of K artworks at once, shape (n, K). A row's result does not depend on the rows beside it,
to the last bit, so a slot decided alone and inside a page gets the same probabilities.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.errors import BanditError
from bandit.kernels import best_of_normals_table, floor_table, square_cb_table

Probabilities = NDArray[np.float64]
_GRID = np.linspace(-6.0, 6.0, 97)


class InvalidExploration(BanditError):
    """How much to explore is told by a number that has no meaning."""


def check_share(epsilon: float) -> float:
    """Return the share of chance.

    Raises:
        InvalidExploration: it is not in [0, 1].
    """
    if not 0.0 <= epsilon <= 1.0:
        raise InvalidExploration(f"an epsilon of {epsilon} is no share of chance: give 0 (none) to 1 (uniform)")
    return epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """How a trained version explores: SquareCB with a γ for each artwork, and no probability under `epsilon` / K.

    γ grows with what is known of the artwork itself, not of the model, so that one uploaded in month six is explored
    as a first-day one was: `gamma_scale` · experience ^ `gamma_exponent`.
    """

    gamma_scale: float
    gamma_exponent: float
    epsilon: float

    def gammas(self, experience: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each artwork's γ, from the number of learned decisions that showed it; 0 for one that none did."""
        return np.where(experience > 0, self.gamma_scale * np.maximum(experience, 1e-300) ** self.gamma_exponent, 0.0)


def square_cb(costs: NDArray[np.float64], *, gamma: float | NDArray[np.float64]) -> Probabilities:
    """Return SquareCB's distributions over costs (n, K): 1 / (K + γ · (cost − best)), and the rest to the best.

    Foster & Rakhlin 2020, "Beyond UCB", algorithm 1 (inverse gap weighting). `gamma` ≥ 0 is one number, or one an
    artwork, (K,) or (n, K): an artwork whose γ is 0 gets 1 / K at least, whatever it is predicted to cost.
    Among equal costs the first counts as best, so costs are given in canonical order.
    """
    gammas = np.ascontiguousarray(np.broadcast_to(np.asarray(gamma, dtype=np.float64), costs.shape))
    return square_cb_table(np.ascontiguousarray(costs, dtype=np.float64), gammas)


def greedy(costs: NDArray[np.float64]) -> Probabilities:
    """Return the distributions (n, K) that give everything to the lowest cost, the first where several are lowest."""
    stated = np.zeros(costs.shape)
    np.put_along_axis(stated, costs.argmin(axis=1, keepdims=True), 1.0, axis=1)
    return stated


def epsilon_greedy(costs: NDArray[np.float64], *, epsilon: float) -> Probabilities:
    """Return the distributions (n, K) with epsilon / K for every artwork and the rest for the lowest cost."""
    return epsilon / costs.shape[1] + (1.0 - epsilon) * greedy(costs)


def best_of_normals(mean: NDArray[np.float64], spread: NDArray[np.float64]) -> Probabilities:
    """Return how likely each of K independent normals, (n, K) means and standard deviations, is the largest: (n, K).

    By the trapezoidal rule on 97 points within 6 standard deviations of each, within 1e-7 where spreads differ ten
    times and within .01 however much they do; sums to 1 by division.
    """
    return best_of_normals_table(np.ascontiguousarray(mean), np.ascontiguousarray(spread), _GRID)


def with_floor(probabilities: Probabilities, *, epsilon: float) -> Probabilities:
    """Return the nearest distributions (n, K) with no probability under epsilon / K.

    What is under the floor is raised to it; all others give the same amount up. That is the Euclidean projection (Duchi
    et al. 2008, figure 1), which the engine uses too. Rows need not sum to exactly 1 (an engine's float32 does not);
    the result does, to float64 rounding.
    """
    return floor_table(np.ascontiguousarray(probabilities, dtype=np.float64), epsilon)
