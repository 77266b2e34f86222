"""The log day by day: what was earned, what the target would have earned, and what was known by each day's end.

Knows no verdicts. A day is one of UTC.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bandit.ope.batch import Batch
from bandit.ope.groups import Group, grouped, merged, read_ratio
from bandit.ope.terms import One, Reward, Term, Weight, WeightedReward

MOST_DAYS = 1000
_TERMS: tuple[Term, ...] = (One(), Reward(), Weight(), WeightedReward())
_ONE, _REWARD, _WEIGHT, _WEIGHTED = range(4)
_DAY = 86_400_000_000


class Days:
    """Streaming and mergeable: 4 KB a day. A log of more than 1,000 days is told by its last ones."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch that knows its times.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        if batch.at is None or not len(batch):
            return
        terms = np.stack([term.of(batch) for term in _TERMS], axis=1) * batch.stands_for[:, np.newaxis]
        days = batch.at // _DAY
        near = int(days.max() - days.min()) < MOST_DAYS  # no need to sort the rows
        known = np.arange(int(days.min()), int(days.max()) + 1, dtype=np.int64) if near else np.unique(days)
        names = np.datetime_as_string(known.astype("datetime64[D]")).tolist()
        self._put(dict(grouped(terms, batch, codes=np.searchsorted(known, days), names=names)))

    def __add__(self, other: "Days") -> "Days":
        both = Days()
        both._groups = dict(self._groups)
        both._put(other._groups)
        return both

    @property
    def span(self) -> int:
        """How many days have rows."""
        return len(self._groups)

    def to_json(self, *, level: float, valued: bool = True) -> list[dict[str, Any]]:
        """One object a day, in order: rows, mean reward, SNIPS, and SNIPS over all days until its end.

        Where the target is not to be `valued`, its values are None.
        """
        return [*self._told(level, valued)]

    def _told(self, level: float, valued: bool) -> Iterator[dict[str, Any]]:
        until: Group | None = None
        for day, group in sorted(self._groups.items()):
            until = group if until is None else until + group
            totals = group.totals
            yield {
                "day": day,
                "rows": group.rows,
                "mean_reward": float(totals[_REWARD] / totals[_ONE]),
                **_snips(group if valued else None, level),
                "cumulative": {"rows": until.rows, **_snips(until if valued else None, level)},
            }

    def _put(self, groups: dict[str, Group]) -> None:
        together = merged(self._groups, groups)
        self._groups = {day: together[day] for day in sorted(together)[-MOST_DAYS:]}


def _snips(group: Group | None, level: float) -> dict[str, float | None]:
    found = group and read_ratio(group, over=_WEIGHTED, under=_WEIGHT, level=level)
    if found is None:
        return {"value": None, "low": None, "high": None}
    return {**found.to_json()}
