"""The shape of the weights: how many rows weigh how much, and which weigh most. Knows no verdicts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.ope.batch import Batch, Floats, Integers

LOWEST_POWER = -6
HIGHEST_POWER = 10
EDGES: tuple[float, ...] = (0.0, *(2.0**power for power in range(LOWEST_POWER, HIGHEST_POWER + 1)))
"""The bounds of the bins of the histogram: each but the first twice the one before it; the last bin is open."""

_NAMED_ROWS = 5


class WeightHistogram:
    """How many decisions have which weight, in bins of powers of two. Streaming and mergeable."""

    def __init__(self) -> None:
        self.counts: Floats = np.zeros(len(EDGES) - 1)

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch."""
        _, powers = np.frexp(batch.weights)  # 2^(power − 1) ≤ w < 2^power
        bins = np.clip(powers - LOWEST_POWER, 0, len(self.counts) - 1)
        bins[batch.weights == 0.0] = 0
        self.counts = self.counts + np.bincount(bins, weights=batch.stands_for, minlength=len(self.counts))

    def __add__(self, other: "WeightHistogram") -> "WeightHistogram":
        both = WeightHistogram()
        both.counts = self.counts + other.counts
        return both

    def to_json(self) -> dict[str, Any]:
        """The edges (k + 1) and how many decisions lie between them (k); what is heavier counts in the last."""
        return {"edges": [*EDGES], "counts": self.counts.tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class Heaviest:
    """The rows that weigh most, the heaviest first: their numbers (k,) and what each holds (k, 4).

    The columns: weight (as often as the row stands for decisions), propensity, target's probability, reward.
    """

    rows: Integers
    held: Floats

    @classmethod
    def of(cls, batch: Batch, *, numbers: Integers, above: float) -> "Heaviest":
        """Those of a batch whose rows have these numbers (n,); only what weighs more than `above` is looked at."""
        weights = batch.weights * batch.stands_for
        rows = np.flatnonzero(weights > above)
        held = np.stack([weights[rows], batch.propensity[rows], batch.target[rows], batch.reward[rows]], axis=1)
        return cls(numbers[rows], held)._first()

    @property
    def least(self) -> float:
        """What a row must weigh more than to belong here."""
        return float(self.held[-1, 0]) if len(self.rows) == _NAMED_ROWS else 0.0

    def following(self, other: "Heaviest", *, later: int) -> "Heaviest":
        """These rows, and those of another part that come after them, with numbers so much higher than it knows."""
        together = np.concatenate([self.rows, other.rows + later])
        return Heaviest(together, np.concatenate([self.held, other.held]))._first()

    def to_json(self) -> list[dict[str, Any]]:
        """As on the wire."""
        names = ("weight", "propensity", "target", "reward")
        told = zip(self.rows.tolist(), self.held.tolist(), strict=True)
        return [{"row": row, **dict(zip(names, held, strict=True))} for row, held in told]

    def _first(self) -> "Heaviest":
        order = np.lexsort((self.rows, -self.held[:, 0]))[:_NAMED_ROWS]
        return Heaviest(self.rows[order], self.held[order])


NOTHING_HEAVY = Heaviest(np.zeros(0, dtype=np.int64), np.zeros((0, 4)))
