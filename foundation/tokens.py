"""Turns one viewer's events into interaction tokens. Knows no integer ids, no model, no other viewer.

Neighbouring events on the same title are merged into one interaction, as byte-pair encoding merges characters: an
impression, a play and a finish of one evening are one thing that happened, named by the event that says most.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from foundation.errors import InvalidHistory
from foundation.events import Action, Event

MERGE_WITHIN = timedelta(hours=6)
"""Neighbouring events on one title that lie further apart are two interactions: a second evening, a rewatch."""

SAYS_MOST = (
    Action.IMPRESSION,
    Action.HOVER,
    Action.SKIP,
    Action.SEARCH,
    Action.ADD,
    Action.PLAY,
    Action.ABANDON,
    Action.FINISH,
    Action.REWATCH,
    Action.THUMB_UP,
    Action.THUMB_DOWN,
)
"""Actions from what says least to what says most; a merged interaction is named by its last in this order."""

WORTH = MappingProxyType(
    {
        Action.IMPRESSION: 0.0,
        Action.HOVER: 0.0,
        Action.SKIP: 0.0,
        Action.SEARCH: 0.5,
        Action.ADD: 0.6,
        Action.PLAY: 0.5,
        Action.ABANDON: 0.0,
        Action.FINISH: 1.0,
        Action.REWATCH: 1.0,
        Action.THUMB_UP: 1.0,
        Action.THUMB_DOWN: 0.0,
    }
)
"""How much an action speaks for its title, in [0, 1]: the weight of the interaction as something to predict."""

WANTED = 0.25
"""An interaction worth at least this much was wanted by its viewer: only such are predicted, the rest is context."""

DAYPARTS = 8
WEEKDAYS = 7
GAP_EDGES_SECONDS = (600.0, 3_600.0, 21_600.0, 86_400.0, 259_200.0, 604_800.0, 2_592_000.0)
GAPS = len(GAP_EDGES_SECONDS) + 2
SHARE_EDGES = (0.05, 0.25, 0.5, 0.9)
SHARES = len(SHARE_EDGES) + 2


class Token(NamedTuple):
    """One interaction. `daypart`, `weekday`, `gap` and `share` are bucket numbers; the last two are 0 where unknown.

    `worth` in [0, 1] says how much the interaction speaks for its title.
    """

    title: str
    action: Action
    device: str | None
    canvas: str | None
    daypart: int
    weekday: int
    gap: int
    share: int
    worth: float


def tokenize(history: Sequence[Event]) -> list[Token]:
    """Return the interactions of one viewer, oldest first. Events of equal time keep the order they are given in.

    Raises:
        InvalidHistory: the events are of several viewers, or a time has no timezone.
    """
    check_history(history)
    if not history:
        return []
    groups = list(merged(sorted(history, key=lambda event: event.at)))
    gaps = [None, *((later[0].at - earlier[-1].at).total_seconds() for earlier, later in pairwise(groups))]
    return [token_of(group, gap) for group, gap in zip(groups, gaps, strict=True)]


def check_history(history: Sequence[Event]) -> None:
    """Refuse what cannot be one viewer's history."""
    if len({event.viewer for event in history}) > 1:
        raise InvalidHistory("a history holds events of several viewers; group the events by viewer first")
    if any(event.at.tzinfo is None for event in history):
        raise InvalidHistory("an event's time has no timezone; store event times as timezone-aware UTC")


def merged(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Group neighbouring events on one title; `events` are in time order."""
    group: list[Event] = []
    for event in events:
        if group and not (event.title == group[-1].title and event.at - group[-1].at <= MERGE_WITHIN):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def token_of(group: Sequence[Event], gap_seconds: float | None) -> Token:
    """Name one interaction by the event that says most; `gap_seconds` since the interaction before, or None."""
    named = max(group, key=lambda event: SAYS_MOST.index(event.action))
    shares = [share for event in group if (share := watched_share(event.seconds, event.of_seconds)) is not None]
    share = max(shares, default=None)
    return Token(
        title=named.title,
        action=named.action,
        device=named.device,
        canvas=named.canvas,
        daypart=daypart(named.at),
        weekday=named.at.astimezone(UTC).weekday(),
        gap=0 if gap_seconds is None else 1 + bisect_right(GAP_EDGES_SECONDS, gap_seconds),
        share=0 if share is None else 1 + bisect_right(SHARE_EDGES, share),
        worth=worth(named.action, share),
    )


def daypart(at: datetime) -> int:
    """Return which three hours of the UTC day `at` falls in, 0 to 7."""
    return at.astimezone(UTC).hour * DAYPARTS // 24


def watched_share(seconds: float | None, of_seconds: float | None) -> float | None:
    """Return the share of the title that was watched, in [0, 1], or None where it cannot be known."""
    if seconds is None or of_seconds is None:
        return None
    if not (math.isfinite(seconds) and math.isfinite(of_seconds) and of_seconds > 0):
        return None
    return min(max(seconds / of_seconds, 0.0), 1.0)


def worth(action: Action, share: float | None) -> float:
    """Return how much an interaction speaks for its title; a play counts by the share that was watched."""
    if action is Action.PLAY and share is not None:
        return share
    return WORTH[action]
