"""How many pictures a change of the probabilities changes: the draw as it is, a race, and the least possible.

`python -m benchmarks.stickiness` prints the table of docs/decisions/0304-one-number-a-slot.md. A race gives every
artwork a keyed exponential time over its probability, and the first wins. Knows no World: distributions are SquareCB's
over random costs.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bandit.exploration import square_cb, with_floor

SLOTS, FLOOR, SPREAD, MOVED = 200_000, 0.01, 0.02, 0.002
Floats = NDArray[np.float64]


def inverse(stated: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """One number a slot against the cumulated probabilities, in canonical order."""
    return (rng.random((len(stated), 1)) >= np.cumsum(stated, axis=1)[:, :-1]).sum(axis=1)


def race(stated: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """One number an artwork: the smallest exponential time over its probability."""
    return (rng.exponential(size=stated.shape) / np.maximum(stated, 1e-300)).argmin(axis=1)


def changed(before: Floats, after: Floats, rule: Callable[[Floats, np.random.Generator], NDArray[np.int64]]) -> float:
    """The share of slots that show another artwork, drawn with the same numbers."""
    shown = (rule(stated, np.random.default_rng(1)) for stated in (before, after))
    return float((next(shown) != next(shown)).mean())


def squared(costs: Floats, gamma: float) -> Floats:
    """What a version with this γ states."""
    return with_floor(square_cb(costs, gamma=gamma), epsilon=FLOOR)


def without_one(costs: Floats, gamma: float, rng: np.random.Generator) -> Floats:
    """What it states when one artwork, any, is missing: 0 in its place."""
    left = np.arange(costs.shape[1]) != rng.integers(costs.shape[1], size=(len(costs), 1))
    stated = np.zeros(costs.shape)
    stated[left] = squared(costs[left].reshape(len(costs), -1), gamma).ravel()
    return stated


def main() -> None:
    """Print one line a change: γ 0 is the uniform policy."""
    print(f"{'change':34s} artworks   least  inverse    race")
    for artworks in (8, 20):
        rng = np.random.default_rng(0)
        costs = rng.normal(0.95, SPREAD, size=(SLOTS, artworks))
        for gamma in (20_000.0, 2_000.0, 200.0, 0.0):
            plain = squared(costs, gamma)
            moved = squared(costs + rng.normal(0.0, MOVED, size=costs.shape), gamma)
            for name, after in ((f"costs ± {MOVED}", moved), ("one less or more", without_one(costs, gamma, rng))):
                least = 0.5 * np.abs(plain - after).sum(axis=1).mean()
                by_rule = [changed(plain, after, rule) for rule in (inverse, race)]
                print(
                    f"{f'{name}, gamma {gamma:g}':34s} {artworks:8d}  {least:.4f}   {by_rule[0]:.4f}  {by_rule[1]:.4f}"
                )


if __name__ == "__main__":
    main()
