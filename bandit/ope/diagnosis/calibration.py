"""Whether the log's probabilities are those it drew from: 1[drawn] / p averages 1 for every artwork. Knows no target.

Both the mean and its variance are known under true propensities (E = 1, Var = 1/p − 1 a row), so an artwork whose
mean is far from 1 was logged with probabilities that it was not drawn with.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.ope.batch import Eligible, Floats

_WORST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtworkCalibration:
    """One artwork: over `rows` on which it could have been drawn, `mean` is that of 1[drawn] / p, ideally 1.

    Rows that stand for several decisions count so many times; `decisions` is what all of them stand for.

    `standard_error` is the mean's under true propensities and independent draws; draws that are kept for a window
    (`bandit.sampling`) repeat, which makes it somewhat too small.
    """

    artwork: str
    rows: int
    decisions: float
    mean: float
    standard_error: float

    @property
    def deviation(self) -> float:
        """How many standard errors the mean is away from 1; 0 where it could not be otherwise."""
        return 0.0 if self.standard_error == 0.0 else abs(self.mean - 1.0) / self.standard_error


class Calibration:
    """Streaming, mergeable; 4 numbers an artwork."""

    def __init__(self) -> None:
        self._sums: dict[str, Floats] = {}

    def add(self, eligible: Eligible, *, stands_for: Floats | None = None) -> None:
        """Take in n rows, each standing for `stands_for` (n,) decisions (None: one).

        Artworks with probability 0 could not be drawn and do not count.
        """
        drawn = np.zeros(len(eligible.logged))
        drawn[eligible.chosen] = 1.0
        possible = eligible.logged > 0.0
        inverse = 1.0 / eligible.logged[possible]
        codes = eligible.artworks[possible]
        times = np.ones(len(codes)) if stands_for is None else np.repeat(stands_for, eligible.counts)[possible]
        columns = [
            np.bincount(codes, weights=values, minlength=len(eligible.names))
            for values in (np.ones(len(codes)), times, times * drawn[possible] * inverse, times**2 * (inverse - 1.0))
        ]
        table = np.stack(columns, axis=1, dtype=np.float64)
        for code in np.flatnonzero(table[:, 0]).tolist():
            self._put(eligible.names[code], table[code])

    def __add__(self, other: "Calibration") -> "Calibration":
        both = Calibration()
        for part in (self, other):
            for name, sums in part._sums.items():
                both._put(name, sums)
        return both

    def artworks(self) -> list[ArtworkCalibration]:
        """Every artwork, the one farthest from its expectation first."""
        found = [
            ArtworkCalibration(
                artwork=name,
                rows=int(rows),
                decisions=decisions,
                mean=inverse / decisions,
                standard_error=math.sqrt(spread) / decisions,
            )
            for name, (rows, decisions, inverse, spread) in ((name, sums.tolist()) for name, sums in self._sums.items())
        ]
        return sorted(found, key=lambda one: (-one.deviation, one.artwork))

    def to_json(self) -> dict[str, Any] | None:
        """The number of artworks, the mean over all rows, and the worst artworks; None without lists of artworks."""
        found = self.artworks()
        if not found:
            return None
        decisions = sum(one.decisions for one in found)
        worst = [
            {"artwork": one.artwork, "rows": one.rows, "mean": one.mean, "standard_error": one.standard_error}
            for one in found[:_WORST]
        ]
        return {
            "artworks": len(found),
            "mean": sum(one.mean * one.decisions for one in found) / decisions,
            "worst": worst,
        }

    def _put(self, name: str, sums: Floats) -> None:
        known = self._sums.get(name)
        self._sums[name] = sums if known is None else known + sums
