"""The sums over rows that a linear regression is solved from: streaming, mergeable, able to forget. Knows no log.

A row is a context c (C,) and the artwork that was shown, whose side r (A,) never changes. Its features are
c ⊗ r, and everything that a regression needs of a thousand rows that showed the same artwork is Σ c cᵀ, Σ c, Σ y c
and Σ y. So rows are summed artwork by artwork, and the second moment of the crossed features is one product of
those sums with the artworks' own squares: 10 million rows cost hardly more than reading them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
_ARTWORKS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """n rows: `contexts` (n, C), `artworks` (n,) places of what was shown, `rewards` (n,), `weights` (n,) > 0."""

    contexts: Floats
    artworks: Indices
    rewards: Floats
    weights: Floats


@dataclass
class Moments:
    """Sums over rows for N artworks with sides (N, A); weighted by each row's weight.

    `crossed` (C², A²) is Σ over artworks of Σ c cᵀ times r rᵀ, flattened; for each artwork `rows` (N,) is Σ 1,
    `rewards` (N,) is Σ y, `contexts` (N, C) is Σ c, `rewarded` (N, C) is Σ y c; `squares` is Σ y² over everything.
    """

    sides: Floats
    crossed: Floats
    rows: Floats
    rewards: Floats
    contexts: Floats
    rewarded: Floats
    squares: float = 0.0

    @classmethod
    def empty(cls, sides: Floats, context_width: int) -> "Moments":
        """No rows yet, for artworks with these sides (N, A)."""
        count, width = len(sides), sides.shape[1]
        return cls(
            sides=sides,
            crossed=np.zeros((context_width**2, width**2)),
            rows=np.zeros(count),
            rewards=np.zeros(count),
            contexts=np.zeros((count, context_width)),
            rewarded=np.zeros((count, context_width)),
        )

    @property
    def context_width(self) -> int:
        """C."""
        return self.contexts.shape[1]

    def add(self, batch: Batch) -> None:
        """Add a batch of rows; memory is bounded by some thousand artworks however many it holds."""
        order = np.argsort(batch.artworks, kind="stable")
        shown, starts = np.unique(batch.artworks[order], return_index=True)
        weights = batch.weights[order]
        rewards = batch.rewards[order] * weights
        contexts = batch.contexts[order]
        weighted = contexts * weights[:, np.newaxis]
        self.rows[shown] += np.add.reduceat(weights, starts)
        self.rewards[shown] += np.add.reduceat(rewards, starts)
        self.contexts[shown] += np.add.reduceat(weighted, starts, axis=0)
        self.rewarded[shown] += np.add.reduceat(contexts * rewards[:, np.newaxis], starts, axis=0)
        self.squares += float((batch.rewards[order] * rewards).sum())
        ends = np.append(starts[1:], len(order))
        for low in range(0, len(shown), _ARTWORKS_AT_ONCE):
            part = slice(low, low + _ARTWORKS_AT_ONCE)
            squared = np.stack(
                [
                    (weighted[start:end].T @ contexts[start:end]).ravel()
                    for start, end in zip(starts[part], ends[part], strict=True)
                ]
            )
            self.crossed += squared.T @ _squares(self.sides[shown[part]])

    def fade(self, factor: float) -> None:
        """Let everything added so far count `factor` times as much: how tastes that move are forgotten."""
        for sums in (self.crossed, self.rows, self.rewards, self.contexts, self.rewarded):
            sums *= factor
        self.squares *= factor

    def grown(self, sides: Floats) -> "Moments":
        """The same sums with room for more artworks: the first of `sides` are this object's."""
        more = len(sides) - len(self.sides)
        return Moments(
            sides=sides,
            crossed=self.crossed,
            rows=np.pad(self.rows, (0, more)),
            rewards=np.pad(self.rewards, (0, more)),
            contexts=np.pad(self.contexts, ((0, more), (0, 0))),
            rewarded=np.pad(self.rewarded, ((0, more), (0, 0))),
            squares=self.squares,
        )

    def __add__(self, other: "Moments") -> "Moments":
        """The sums over the rows of both, which must be about the same artworks."""
        return Moments(
            sides=self.sides,
            crossed=self.crossed + other.crossed,
            rows=self.rows + other.rows,
            rewards=self.rewards + other.rewards,
            contexts=self.contexts + other.contexts,
            rewarded=self.rewarded + other.rewarded,
            squares=self.squares + other.squares,
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The sums as plain arrays, so that learning can go on from them another day."""
        return {name: np.asarray(getattr(self, name)) for name in _SUMS}


_SUMS = ("sides", "crossed", "rows", "rewards", "contexts", "rewarded", "squares")


def moments_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Moments:
    """Read back what `Moments.to_arrays` gave; raises KeyError when parts are missing."""
    sums: dict[str, NDArray[Any]] = {name: np.array(arrays[name]) for name in _SUMS}
    squares = float(sums.pop("squares"))
    return Moments(**sums, squares=squares)


def _squares(sides: Floats) -> Floats:
    """r rᵀ of each side (n, A), flattened: (n, A²)."""
    return (sides[:, :, np.newaxis] * sides[:, np.newaxis]).reshape(len(sides), -1)
