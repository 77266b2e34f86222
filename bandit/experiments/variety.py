"""How many different titles a cell's viewers watch, and how sure that is. Knows no cell and no reward.

The measure is the effective number of titles, 1 / the probability that two plays of different viewers are of one title
(the inverse of Simpson's concentration; Hill 1973, order 2): titles that everybody plays lower it, titles of a few
raise it. Plays are counted in 64 buckets of whole viewers and pairs are taken across buckets, so a viewer who plays one
title again and again lowers nothing; leaving out one bucket at a time tells the spread (Efron & Stein 1981).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bandit.ope.batch import Floats, ViewerKeys

BUCKETS = 64
_SHIFT = np.uint64(64 - 6)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True)
class EffectiveTitles:
    """The logarithm of the effective number of titles and its standard error, from so many independent pieces."""

    log: float
    error: float
    pieces: int

    @property
    def number(self) -> float:
        """The effective number of titles."""
        return math.exp(self.log)


@dataclass(eq=False)
class Variety:
    """Plays by title and bucket of viewers. Streaming and mergeable; 512 bytes a title."""

    _plays: dict[str, Floats] = field(default_factory=dict[str, Floats])

    def add(self, titles: Sequence[str], *, viewers: ViewerKeys, plays: Floats) -> None:
        """Take in plays: titles, viewers (n,) and how many plays of the traffic each row is (n,)."""
        buckets = ((viewers * _MIX) >> _SHIFT).astype(np.int64).tolist()
        for title, bucket, count in zip(titles, buckets, plays.tolist(), strict=True):
            known = self._plays.get(title)
            if known is None:
                known = self._plays[title] = np.zeros(BUCKETS)
            known[bucket] += count

    def __add__(self, other: "Variety") -> "Variety":
        both = Variety({title: plays.copy() for title, plays in self._plays.items()})
        for title, plays in other._plays.items():
            both._plays[title] = both._plays.get(title, np.zeros(BUCKETS)) + plays
        return both

    def effective_titles(self) -> EffectiveTitles | None:
        """How many titles are watched in effect; None where no two different viewers played the same title."""
        if not self._plays:
            return None
        table = np.stack([self._plays[title] for title in sorted(self._plays)])
        table = table[:, table.sum(axis=0) > 0]
        pieces = table.shape[1]
        left_out = table.sum(axis=1, keepdims=True) - table
        own, squares = table.sum(axis=0), (table**2).sum(axis=0)
        whole = _log_number(table.sum(axis=1), total=own.sum(), squares=squares.sum(), own=(own**2).sum())
        each = [
            _log_number(
                left_out[:, place],
                total=own.sum() - own[place],
                squares=squares.sum() - squares[place],
                own=(own**2).sum() - own[place] ** 2,
            )
            for place in range(pieces)
        ]
        if whole is None or pieces < 3 or any(one is None for one in each):
            return None
        rest = np.array(each, dtype=np.float64)
        error = math.sqrt((pieces - 1) / pieces * float(((rest - rest.mean()) ** 2).sum()))
        return EffectiveTitles(whole, error, pieces)


def _log_number(plays: Floats, *, total: float, squares: float, own: float) -> float | None:
    """log (pairs of plays across buckets / those of one title), for `plays` (titles,) over all buckets."""
    pairs, alike = total**2 - own, float(plays @ plays) - squares
    return math.log(pairs / alike) if alike > 1e-9 * max(pairs, 1.0) and pairs > 0 else None
