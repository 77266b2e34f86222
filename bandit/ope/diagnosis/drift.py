"""How far the logging policy moved while the log was written, by the trend of each artwork's probability.

Knows no target and no verdicts. Moving is no fault: estimates stay unbiased under the true probabilities of each row.
But what a log of several policies says is an average over its days, and viewers may have moved with them.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.diagnosis.calibration import walk_of
from bandit.ope.diagnosis.entries import add_trends, empty_trends

FEWEST_ROWS = 30
ERRORS = 4.0
"""A trend counts for what is beyond so many standard errors: rows of one viewer and title are much alike."""

_NAMED = 5
_DIGITS = 6
"""What differs by rounding only is sorted by name, so that parts of a log are told in the order of the whole."""

_ROUNDING = 1e-9
"""A probability that stood still moves by as little as its digits do."""

_DAY = 86_400_000_000
_NEAR = 20_454 * _DAY
"""2026-01-01: times are counted from near the logs', since large numbers leave fewer digits to their differences."""

_COUNT, _TIME, _MASS, _TIMES, _CROSS, _MASSES, _FROM, _UNTIL = range(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One artwork's logged probability: by a straight line from `first` to `last` over its own days in the log.

    `change` is their difference, less what may be chance; `decisions` it was eligible in.
    """

    artwork: str
    decisions: float
    first: float
    last: float
    change: float


class Drift:
    """Streaming, mergeable; 8 numbers an artwork (means and centred squares: Chan, Golub & LeVeque 1983)."""

    def __init__(self) -> None:
        self._moments: dict[str, Floats] = {}
        self._decisions = 0.0

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch that knows its times and distributions; others pass."""
        eligible = batch.eligible or batch.drawn_from
        if eligible is None or batch.at is None or not len(batch):
            return
        self._decisions += float(batch.stands_for.sum())
        times = (batch.at - _NEAR) / _DAY
        middle = float(times.mean())
        sums = empty_trends(len(eligible.names))
        entries, rows = walk_of(batch, eligible)
        add_trends(entries, rows, times - middle, sums)
        for code in np.flatnonzero(sums[:, _COUNT]).tolist():
            self._put(eligible.names[code], _moments(sums[code], middle))

    def __add__(self, other: "Drift") -> "Drift":
        both = Drift()
        both._decisions = self._decisions + other._decisions
        both._moments = dict(self._moments)
        for name, moments in other._moments.items():
            both._put(name, moments)
        return both

    def trends(self) -> list[Trend]:
        """Every artwork with enough rows, the one that moved the most decisions first."""
        found = [_trend(name, row) for name, row in self._moments.items() if row[_COUNT] >= FEWEST_ROWS]
        return sorted(found, key=lambda one: (-round(abs(one.change) * one.decisions, _DIGITS), one.artwork))

    @property
    def moved(self) -> float:
        """The mean over decisions of the total variation between the first and last days' probabilities, about."""
        shift = math.fsum(abs(one.change) * one.decisions for one in self.trends())
        return shift / 2.0 / self._decisions if self._decisions else 0.0

    def to_json(self) -> dict[str, Any] | None:
        """As on the wire; None where the log knows no times or no distributions."""
        if not self._moments:
            return None
        rows = [*self._moments.values()]
        return {
            "days": float(max(row[_UNTIL] for row in rows) - min(row[_FROM] for row in rows)),
            "total_variation": self.moved,
            "worst": [
                {"artwork": one.artwork, "first": one.first, "last": one.last}
                for one in self.trends()[:_NAMED]
                if one.change
            ],
        }

    def _put(self, name: str, moments: Floats) -> None:
        known = self._moments.get(name)
        self._moments[name] = moments if known is None else _merged(known, moments)


def _moments(sums: Floats, middle: float) -> Floats:
    """Means and centred squares of sums whose times are counted from `middle`."""
    count, time, mass, times, cross, masses, first, last = sums.tolist()
    squares = times - time * time / count, cross - time * mass / count, masses - mass * mass / count
    return np.array([count, middle + time / count, mass / count, *squares, middle + first, middle + last])


def _merged(one: Floats, other: Floats) -> Floats:
    count = one[_COUNT] + other[_COUNT]
    share = other[_COUNT] / count
    time, mass = other[_TIME] - one[_TIME], other[_MASS] - one[_MASS]
    between = one[_COUNT] * share * np.array([time * time, time * mass, mass * mass])
    squares = one[_TIMES : _MASSES + 1] + other[_TIMES : _MASSES + 1] + between
    first, last = min(one[_FROM], other[_FROM]), max(one[_UNTIL], other[_UNTIL])
    return np.array([count, one[_TIME] + share * time, one[_MASS] + share * mass, *squares, first, last])


def _trend(name: str, moments: Floats) -> Trend:
    count, time, mass, times, cross, masses, first, last = moments.tolist()
    slope = cross / times if times > 0.0 else 0.0
    error = math.sqrt(max(masses - slope * cross, 0.0) / (count - 2.0) / times) if times > 0.0 else 0.0
    sure = math.copysign(max(abs(slope) - ERRORS * error, 0.0), slope) if slope else 0.0
    change = sure * (last - first)
    return Trend(
        artwork=name,
        decisions=count,
        first=min(max(mass + slope * (first - time), 0.0), 1.0),
        last=min(max(mass + slope * (last - time), 0.0), 1.0),
        change=change if abs(change) > _ROUNDING else 0.0,
    )
