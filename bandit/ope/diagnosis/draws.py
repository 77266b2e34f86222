"""Did the log draw from what it states? A test over all cells of its calibration, and by how much it is off.

In each cell what was drawn is held against what the propensities state. The cells overlap and viewers repeat, so the
squares of their deviations add up to no chi-square: the largest deviation is judged instead, with p-values adjusted
over all cells (Holm 1979), which holds however cells hang together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.ope.diagnosis.calibration import Cell, Kind
from bandit.ope.intervals.quantiles import two_sided_p
from bandit.ope.intervals.simultaneous import holm

FEWEST_EXPECTED = 5.0
"""Cells of which fewer draws are stated, or fewer of others, are too small to be judged."""

SURE = 1e-3
"""Adjusted p-values under this are deviations that chance does not explain."""

LARGEST_MOVED_SHARE = 0.05
"""Where chance does not explain it and more draws are concerned than this share, the probabilities are wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """The cells that were judged, the worst first, with their adjusted p-values.

    `moved` is which share of the decisions must at least have been drawn otherwise than stated, by the cells that
    chance does not explain.
    """

    cells: tuple[Cell, ...]
    adjusted: tuple[float, ...]
    statistic: float
    moved: float

    @property
    def off(self) -> bool:
        """Whether chance does not explain the deviations."""
        return self.p_value < SURE

    @property
    def wrong(self) -> bool:
        """Whether, besides, so many draws are concerned that no estimate can be made."""
        return self.off and self.moved > LARGEST_MOVED_SHARE

    @property
    def p_value(self) -> float:
        """How probably true propensities would give so large a deviation anywhere, at most."""
        return self.adjusted[0]

    def to_json(self) -> dict[str, Any]:
        """As on the wire: `statistic` is the largest deviation in standard errors."""
        worst = self.cells[0]
        return {
            "statistic": self.statistic,
            "p_value": self.p_value,
            "cells": len(self.cells),
            "worst_cell": {"kind": worst.kind.value, "name": worst.name, "drawn": worst.drawn, "stated": worst.stated},
            "moved_share": self.moved,
        }


def judge_draws(cells: Sequence[Cell]) -> Draws | None:
    """Test all cells that are large enough; None where there is none."""
    alike = _alike(cells)
    large = [one for one in cells if min(one.stated, one.decisions - one.stated) >= FEWEST_EXPECTED * alike]
    large = [one for one in large if one.spread > 0.0]
    if not large:
        return None
    spreads = [max(one.spread * math.sqrt(alike), one.viewer_spread) for one in large]
    apart = np.array([abs(one.drawn - one.stated) / spread for one, spread in zip(large, spreads, strict=True)])
    chances = [float(two_sided_p(np.array(each), one.degrees)) for each, one in zip(apart.tolist(), large, strict=True)]
    adjusted = holm(np.array(chances))
    # Rounded, so that parts of a log are told in the order of the whole.
    ranks = zip(adjusted.round(12).tolist(), (-apart).round(6).tolist(), large, strict=True)
    keys = [(chance, gap, one.kind, one.name) for chance, gap, one in ranks]
    order = sorted(range(len(large)), key=lambda place: keys[place])
    sure = [large[place] for place in order if adjusted[place] < SURE]
    return Draws(
        cells=tuple(large[place] for place in order),
        adjusted=tuple(adjusted[order].tolist()),
        statistic=float(apart[order[0]]),
        moved=max((_moved(cells, sure, kind) for kind in Kind), default=0.0),
    )


def _alike(cells: Sequence[Cell]) -> float:
    """By what factor the draws' variance grows because those of a viewer are alike, over all cells; 1 at least.

    A cell in which few viewers could have drawn much and none did shows no spread of its own: it takes that of all.
    """
    factors = [1.0]
    for kind in Kind:
        own = [one for one in cells if one.kind is kind]
        independent = math.fsum(one.spread**2 for one in own)
        if independent > 0.0:
            factors.append(math.fsum(one.viewer_spread**2 for one in own) / independent)
    return max(factors)


def _moved(cells: Sequence[Cell], sure: Sequence[Cell], kind: Kind) -> float:
    """Draws that are too many in some cells of a kind, or are missing in others, as a share of all draws."""
    gaps = [one.drawn - one.stated for one in sure if one.kind is kind]
    draws = math.fsum(one.drawn for one in cells if one.kind is kind)
    over = math.fsum(gap for gap in gaps if gap > 0.0)
    return max(over, math.fsum(-gap for gap in gaps if gap < 0.0)) / draws if draws else 0.0
