"""One walk over the eligible artworks of many rows, for all that is summed by artwork or range. Knows no meaning of it.

Compiled (`bandit.kernels`): over 10^8 entries the same in array operations takes twenty times as long.
"""

from typing import TypeAlias

import numpy as np

from bandit.kernels import kernel
from bandit.ope.batch import Floats, Integers

Entries: TypeAlias = tuple[Integers, Integers, Integers, Floats, Floats]
"""Of n rows with m entries: starts (n + 1,), chosen (n,), artworks (m,), logged (m,), target (m,)."""

Rows: TypeAlias = tuple[Floats, Integers]
"""How often each of n rows counts (n,), and the piece of its viewer (n,), −1 where viewers are unknown."""

CELL = 7
"""A cell's sums: entries, decisions, 1[drawn] / p, 1/p − 1, drawn, stated, p (1 − p); then drawn − stated by piece."""

TREND = 8
"""A trend's sums: decisions, then of time and probability: t, p, t², t p, p²; the first and the last time."""

RANGES = 21
"""Probabilities lie in ranges of powers of two: the last is 1/2 to 1, the first all up to 2^−20."""


Entry: TypeAlias = tuple[int, float, float, bool]
"""The piece of its row's viewer, how often the row counts, its probability above 0, and whether it was drawn."""


@kernel
def add_cell(cell: Floats, entry: Entry) -> None:
    """Add one entry to its cell (CELL + pieces,)."""
    piece, counts, p, drawn = entry
    stated = counts * p
    unlikely = counts * (1.0 - p)
    cell[0] += 1.0
    cell[1] += counts
    cell[3] += counts * unlikely / p
    cell[5] += stated
    cell[6] += stated * unlikely
    if drawn:
        cell[2] += counts / p
        cell[4] += counts
    if piece >= 0:
        cell[CELL + piece] += (counts if drawn else 0.0) - stated


@kernel
def range_of(p: float) -> int:
    """The range of a probability above 0."""
    power, bound = RANGES - 1, 0.5
    while p < bound and power > 0:
        bound *= 0.5
        power -= 1
    return power


@kernel
def add_entries(entries: Entries, rows: Rows, artworks: Floats, propensities: Floats, targets: Floats) -> None:
    """Add all entries to the cells of artworks (k, …), of the ranges of propensities, and of the target's (RANGES, …).

    Entries with probability 0 could not be drawn and do not count; nor, in the last, those that the target never shows.
    """
    starts, chosen, codes, logged, target = entries
    counts, pieces = rows
    for row in range(chosen.shape[0]):
        for entry in range(starts[row], starts[row + 1]):
            p = logged[entry]
            if p > 0.0:
                one = (pieces[row], counts[row], p, entry == chosen[row])
                add_cell(artworks[codes[entry]], one)
                add_cell(propensities[range_of(p)], one)
                if target[entry] > 0.0:
                    add_cell(targets[range_of(target[entry])], one)


@kernel
def add_trends(entries: Entries, rows: Rows, times: Floats, trends: Floats) -> None:
    """Add all entries, at the times (n,) of their rows, to the trends (k, TREND) of their artworks."""
    starts, chosen, codes, logged, _ = entries
    counts, _ = rows
    for row in range(chosen.shape[0]):
        time = times[row]
        for entry in range(starts[row], starts[row + 1]):
            own, p = trends[codes[entry]], logged[entry]
            own[0] += counts[row]
            own[1] += counts[row] * time
            own[2] += counts[row] * p
            own[3] += counts[row] * time * time
            own[4] += counts[row] * time * p
            own[5] += counts[row] * p * p
            own[6] = min(own[6], time)
            own[7] = max(own[7], time)


def empty_trends(artworks: int) -> Floats:
    """Trends (artworks, TREND) that hold nothing yet."""
    trends = np.zeros((artworks, TREND))
    trends[:, 6], trends[:, 7] = np.inf, -np.inf
    return trends
