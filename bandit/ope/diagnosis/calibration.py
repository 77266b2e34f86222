"""Whether the log's probabilities are those it drew from, cell by cell: by artwork, by propensity, by target.

Under true propensities 1[drawn] / p averages 1 wherever one looks, and draws come out as often as p says. A cell is
all eligible artworks of rows that are one artwork, or whose logged (or target) probability lies in one range.
Judged in `bandit.ope.diagnosis.draws`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from bandit.ope.batch import Batch, Eligible, Floats
from bandit.ope.diagnosis.entries import CELL, RANGES, Entries, Rows, add_entries

PIECES = 32
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - 5)
_WORST = 5
_DIGITS = 6
"""What differs by rounding only is sorted by name, so that parts of a log are told in the order of the whole."""


_RANGES = tuple(f"{2.0**power / 2:.3g} to {2.0**power:.3g}" for power in range(1 - RANGES, 1))


class Kind(StrEnum):
    """What the entries of a cell have in common."""

    ARTWORK = "artwork"
    PROPENSITY = "propensity"
    TARGET = "target"


_IN_WORDS = {
    Kind.ARTWORK: "artwork {name}",
    Kind.PROPENSITY: "what was logged with a probability of {name}",
    Kind.TARGET: "what the target would show with a probability of {name}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Over `rows` entries that could have been drawn, which stand for `decisions`: `mean` is that of 1[drawn] / p.

    `standard_error` is the mean's under true propensities and independent draws; draws that are kept for a window
    (`bandit.sampling`) repeat, which makes it somewhat too small. `drawn` were drawn where the propensities state
    `stated`, which are off by `spread` by chance if all draws are independent. By groups of viewers they are off by
    `viewer_spread` (0: viewers are unknown, or too few), with Student's t on `degrees`.
    """

    kind: Kind
    name: str
    rows: int
    decisions: float
    mean: float
    standard_error: float
    drawn: float
    stated: float
    spread: float
    viewer_spread: float
    degrees: float | None

    @property
    def in_words(self) -> str:
        """What the cell holds, as the subject of a sentence."""
        return _IN_WORDS[self.kind].format(name=self.name)

    @property
    def deviation(self) -> float:
        """How many standard errors the mean is away from 1; 0 where it could not be otherwise."""
        return 0.0 if self.standard_error == 0.0 else abs(self.mean - 1.0) / self.standard_error


class Calibration:
    """Streaming, mergeable; 39 numbers an artwork."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Kind, str], Floats] = {}

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch that knows the distributions which it was drawn from; others pass.

        Artworks with probability 0 could not be drawn and do not count.
        """
        eligible = batch.eligible or batch.drawn_from
        if eligible is None or not len(batch):
            return
        width = CELL if batch.viewers is None else CELL + PIECES
        artworks = np.zeros((len(eligible.names), width))
        propensities, targets = np.zeros((RANGES, width)), np.zeros((RANGES, width))
        entries, rows = walk_of(batch, eligible)
        add_entries(entries, rows, artworks, propensities, targets)
        self._put(Kind.ARTWORK, eligible.names, artworks)
        self._put(Kind.PROPENSITY, _RANGES, propensities)
        self._put(Kind.TARGET, _RANGES, targets)

    def __add__(self, other: "Calibration") -> "Calibration":
        both = Calibration()
        both._sums = dict(self._sums)
        for key, sums in other._sums.items():
            both._sums[key] = both._sums[key] + sums if key in both._sums else sums
        return both

    def cells(self) -> list[Cell]:
        """Every cell, the one farthest from its expectation first."""
        found = [_cell(kind, name, sums) for (kind, name), sums in self._sums.items()]
        return sorted(found, key=lambda one: (-round(one.deviation, _DIGITS), one.kind, one.name))

    def artworks(self) -> list[Cell]:
        """Every artwork, the one farthest from its expectation first."""
        return [one for one in self.cells() if one.kind is Kind.ARTWORK]

    def to_json(self) -> dict[str, Any] | None:
        """The number of artworks, the mean over all rows, the worst artworks, and what was drawn by propensity.

        None without lists of artworks.
        """
        found = self.artworks()
        if not found:
            return None
        worst = [
            {"artwork": one.name, "rows": one.rows, "mean": one.mean, "standard_error": one.standard_error}
            for one in found[:_WORST]
        ]
        return {
            "artworks": len(found),
            "mean": sum(one.mean * one.decisions for one in found) / sum(one.decisions for one in found),
            "worst": worst,
            "by_propensity": [*self._by_propensity()],
        }

    def _by_propensity(self) -> Iterator[dict[str, Any]]:
        """How often artworks of each range of propensities were drawn, and how often that should have been."""
        for name in _RANGES:
            sums = self._sums.get((Kind.PROPENSITY, name))
            if sums is not None:
                one = _cell(Kind.PROPENSITY, name, sums)
                yield {
                    "range": name,
                    "rows": one.rows,
                    "stated": one.stated / one.decisions,
                    "drawn": one.drawn / one.decisions,
                }

    def _put(self, kind: Kind, names: Sequence[str], table: Floats) -> None:
        for place in np.flatnonzero(table[:, 0]).tolist():
            key = kind, names[place]
            known = self._sums.get(key)
            self._sums[key] = table[place] if known is None else known + table[place]


def walk_of(batch: Batch, eligible: Eligible) -> tuple[Entries, Rows]:
    """What `bandit.ope.diagnosis.entries` walks over."""
    pieces = np.full(len(batch), -1)
    if batch.viewers is not None:
        pieces = ((batch.viewers * _MIX) >> _SHIFT).astype(np.int64)
    entries = (eligible.starts, eligible.chosen, eligible.artworks, eligible.logged, eligible.target)
    return entries, (batch.stands_for, pieces)


def _cell(kind: Kind, name: str, sums: Floats) -> Cell:
    rows, decisions, inverse, inverse_spread, drawn, stated, spread = sums[:CELL].tolist()
    pieces = sums[CELL:]
    used = int(np.count_nonzero(pieces))
    apart = float(pieces @ pieces) - float(pieces.sum()) ** 2 / max(used, 1)
    by_viewer = apart * used / (used - 1) if used > 1 else 0.0
    return Cell(
        kind=kind,
        name=name,
        rows=int(rows),
        decisions=decisions,
        mean=inverse / decisions,
        standard_error=math.sqrt(inverse_spread) / decisions,
        drawn=drawn,
        stated=stated,
        spread=math.sqrt(max(spread, 0.0)),
        viewer_spread=math.sqrt(max(by_viewer, 0.0)),
        degrees=float(max(used - 1, 1)) if len(pieces) else None,
    )
