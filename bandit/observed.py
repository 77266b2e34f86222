"""What versions were observed to earn: a mean reward whose error is clustered by viewer. Knows no log and no stage.

Small, streaming and mergeable: viewers are summed in 4,096 buckets by a hash of their pseudonym. A bucket holds whole
viewers, so buckets are as independent as viewers are.
"""

import math
import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandit.ope.intervals.quantiles import student_quantile

BUCKETS = 4096
FEWEST_BUCKETS = 16
"""A spread of fewer pieces than this is no ground for a decision."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean reward, its standard error, and how many independent pieces that rests on."""

    mean: float
    error: float
    pieces: int

    def reach(self, level: float) -> float:
        """How far a two-sided interval of `level` reaches from the mean; infinite on too few pieces."""
        if self.pieces < FEWEST_BUCKETS:
            return math.inf
        return self.error * student_quantile(level, self.pieces - 1)

    def minus(self, other: "Spread") -> "Spread":
        """The difference to what other viewers earned."""
        error = math.hypot(self.error, other.error)
        return Spread(self.mean - other.mean, error, min(self.pieces, other.pieces))


@dataclass(eq=False)
class RewardSums:
    """Sums over rewarded decisions; `rows` counts them."""

    rows: int = 0
    _sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros((BUCKETS, 2)))

    def add(self, viewer: str, reward: float, *, weight: float = 1.0) -> None:
        """Take in a decision's reward in [0, 1]; under overload it counts 1 / `kept` times (`Page.kept`)."""
        self.rows += 1
        self._sums[zlib.crc32(viewer.encode()) % BUCKETS] += (weight, weight * reward)

    def __add__(self, other: "RewardSums") -> "RewardSums":
        return RewardSums(self.rows + other.rows, self._sums + other._sums)

    def spread(self) -> Spread:
        """The self-normalised mean, with the error of its linear part summed by bucket (Liang & Zeger 1986)."""
        mass, worth = self._sums.sum(axis=0)
        pieces = int((self._sums[:, 0] > 0).sum())
        if pieces < 2:
            return Spread(worth / mass if mass else 0.0, math.inf, pieces)
        mean = float(worth / mass)
        parts = (self._sums[:, 1] - mean * self._sums[:, 0]) / mass
        return Spread(mean, float(np.linalg.norm(parts)) * math.sqrt(pieces / (pieces - 1)), pieces)
