"""Values pages from what is stored of them: many at once, under any windows. Stores nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from api.storage.outcomes import StoredOutcomes, stored_outcomes
from api.storage.page_parts import PagePart, runtimes_of
from api.storage.rewards import PageRewards, RewardsBody
from bandit.rewards import RewardWindows
from bandit.valuing import DEFINITIONS, OutcomeColumns, Valued, value_decisions

_NEVER = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def value_pages(
    connection: Connection, parts: Sequence[PagePart], *, windows: RewardWindows, now: datetime
) -> list[PageRewards]:
    """Value pages by the outcomes that are stored; final are those whose window has ended by `now`, or is zero.

    Outcomes that happened after a page's window are `late`, those of a slot that it does not have `rejected`, the
    others `matched`: only these count.
    """
    ends = [windows.ends(each.at, each.request.row) for each in parts]
    slots = np.array([len(each.slots) for each in parts], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(slots)])
    told = stored_outcomes(connection, [each.page for each in parts])
    beyond = told.slot >= slots[told.page]
    until = np.array([_NEVER if end is None else _since_epoch(end) for end in ends], dtype=np.int64)
    late = ~beyond & (told.at > until[told.page])
    counted = _counted(told, first, ~beyond & ~late)

    def runtimes(decisions: NDArray[np.int64]) -> NDArray[np.float64]:
        places = np.searchsorted(first, decisions, side="right") - 1
        own: list[int] = (decisions - first[places]).tolist()
        titles = [parts[int(place)].slots[slot].title for place, slot in zip(places, own, strict=True)]
        known = runtimes_of(connection, titles)
        return np.array([known.get(title, np.nan) for title in titles], dtype=np.float64)

    valued = value_decisions(counted, count=int(first[-1]), runtimes=runtimes)
    fates = [np.bincount(told.page[each], minlength=len(parts)) for each in (~beyond & ~late, late, beyond)]
    final = [end is None or now >= end for end in ends]
    return [
        PageRewards(part.page, is_final, body, *counts)
        for part, is_final, body, counts in zip(
            parts, final, _bodies(valued, first), np.stack(fates, axis=1).tolist(), strict=True
        )
    ]


def _counted(told: StoredOutcomes, first: NDArray[np.int64], which: NDArray[np.bool_]) -> OutcomeColumns:
    return OutcomeColumns(
        decision=first[told.page[which]] + told.slot[which],
        played=told.played[which],
        seconds=told.seconds[which],
        of_seconds=told.of_seconds[which],
    )


def _bodies(valued: Valued, first: NDArray[np.int64]) -> Iterator[RewardsBody]:
    """Cut what was found for all decisions into pages."""
    states, values = valued.states.tobytes(), valued.values.astype("<f8").tobytes()
    wide = 8 * len(DEFINITIONS)
    ends = first.tolist()
    cuts = (wide * np.searchsorted(valued.played, first)).tolist()
    for place in range(len(ends) - 1):
        yield RewardsBody(DEFINITIONS, states[ends[place] : ends[place + 1]], values[cuts[place] : cuts[place + 1]])


def _since_epoch(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
