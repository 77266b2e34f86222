"""Sums by group of rows (a day, a segment), with their spread by viewer, in bounded memory. Knows no estimator.

Within a group, viewers are summed in 128 pieces by a hash of their key. A piece holds whole viewers, so pieces are as
independent as viewers are, and the pieces of two groups add up to those of both together. Where the log does not know
its viewers, rows are independent, and the products of their terms are summed instead.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Floats, Integers, ViewerKeys
from bandit.ope.intervals.quantiles import normal_quantile, student_quantile, two_sided_p

PIECES = 128
_MIX = np.uint64(0x9E3779B97F4A7C15)
_ROUNDING = 1e-12
_SHIFT = np.uint64(64 - 7)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """What k terms add up to over `rows` rows: by piece (128, k), or in all (1, k) with the rows' products (k, k)."""

    rows: int
    pieces: Floats
    products: Floats | None

    @property
    def totals(self) -> Floats:
        """(k,)."""
        return self.pieces.sum(axis=0)

    def __add__(self, other: "Group") -> "Group":
        if (self.products is None) is not (other.products is None):
            raise InvalidExample("some rows name a viewer and some do not: give every row its viewer, or none")
        products = None if self.products is None or other.products is None else self.products + other.products
        return Group(self.rows + other.rows, self.pieces + other.pieces, products)

    def error(self, gradient: Floats) -> tuple[float, float | None]:
        """The standard error of a function of the sums with this gradient (k,), and Student's degrees (None: normal).

        Infinite where there are too few rows or viewers to have a spread.
        """
        if self.products is not None:
            if self.rows < 2:
                return math.inf, None
            spread = math.sqrt(max(float(gradient @ self.products @ gradient), 0.0))
            return spread * math.sqrt(self.rows / (self.rows - 1)), None
        used = int(self.pieces.any(axis=1).sum())
        if used < 2:
            return math.inf, 1.0
        return float(np.linalg.norm(self.pieces @ gradient)) * math.sqrt(used / (used - 1)), float(used - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value with its interval of some level, and how probably it is met where the truth is 0."""

    value: float
    low: float
    high: float
    p_value: float

    def to_json(self) -> dict[str, float]:
        """As on the wire."""
        return {"value": self.value, "low": self.low, "high": self.high}


def read_ratio(group: Group, *, over: int, under: int, level: float) -> Reading | None:
    """The ratio of two of the sums, by their places; None where it has no value or no spread."""
    totals = group.totals
    if totals[under] == 0.0:
        return None
    gradient = ratio_gradient(totals, over=over, under=under)
    return reading(group, float(totals[over] / totals[under]), gradient=gradient, level=level)


def ratio_gradient(totals: Floats, *, over: int, under: int) -> Floats:
    """The gradient (k,) of totals[over] / totals[under]."""
    gradient = np.zeros(len(totals))
    gradient[over], gradient[under] = 1.0, -totals[over] / totals[under]
    return gradient / totals[under]


def reading(group: Group, value: float, *, gradient: Floats, level: float) -> Reading | None:
    """A function of the sums with this value and gradient (k,); None where the group has no spread."""
    error, degrees = group.error(gradient)
    if not math.isfinite(error):
        return None
    reach = error * (normal_quantile(level) if degrees is None else student_quantile(level, degrees))
    p_value = 1.0 if abs(value) <= _ROUNDING else _p_value(value, error, degrees)
    return Reading(value=value, low=value - reach, high=value + reach, p_value=p_value)


def _p_value(value: float, error: float, degrees: float | None) -> float:
    return float(two_sided_p(np.array(value / error), degrees)) if error > 0.0 else 0.0


def grouped(terms: Floats, batch: Batch, *, codes: Integers, names: Sequence[str]) -> Mapping[str, Group]:
    """Sum the terms (n, k) of a batch's rows by their group's name: that of `codes` (n,)."""
    counts = np.bincount(codes, minlength=len(names))
    present = np.flatnonzero(counts)
    places = (np.cumsum(counts > 0) - 1)[codes]  # np.unique would sort the rows
    rows: list[int] = counts[present].tolist()
    codes_present: list[int] = present.tolist()
    told = [names[code] for code in codes_present]
    if batch.viewers is None:
        pieces = _summed(terms, places, groups=len(present))[:, np.newaxis]
        products = _products(terms, places, groups=len(present))
        return {name: Group(rows[place], pieces[place], products[place]) for place, name in enumerate(told)}
    cells = places * PIECES + _pieces(batch.viewers)
    pieces = _summed(terms, cells, groups=len(present) * PIECES).reshape(len(present), PIECES, -1)
    return {name: Group(rows[place], pieces[place], None) for place, name in enumerate(told)}


def merged(one: Mapping[str, Group], other: Mapping[str, Group]) -> dict[str, Group]:
    """The groups of two parts of a log."""
    both = dict(one)
    for name, group in other.items():
        known = both.get(name)
        both[name] = group if known is None else known + group
    return both


def _pieces(viewers: ViewerKeys) -> Integers:
    return ((viewers * _MIX) >> _SHIFT).astype(np.int64)


def _summed(terms: Floats, places: Integers, *, groups: int) -> Floats:
    columns = [np.bincount(places, weights=column, minlength=groups) for column in terms.T]
    return np.stack(columns, axis=1, dtype=np.float64)


def _products(terms: Floats, places: Integers, *, groups: int) -> Floats:
    width = terms.shape[1]
    pairs = [(row, column) for row in range(width) for column in range(width)]
    columns = np.stack([terms[:, row] * terms[:, column] for row, column in pairs], axis=1)
    return _summed(columns, places, groups=groups).reshape(groups, width, width)
