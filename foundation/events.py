"""The record of one interaction of a viewer with a title. Knows no tokens and no storage."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

ViewerId = NewType("ViewerId", str)
"""A viewer's pseudonym (keyed hash, hex). The id that the caller knows the viewer by is never stored."""

EventId = NewType("EventId", str)


class Action(StrEnum):
    """What a viewer did."""

    IMPRESSION = "impression"
    HOVER = "hover"
    PLAY = "play"
    FINISH = "finish"
    ABANDON = "abandon"
    REWATCH = "rewatch"
    SKIP = "skip"
    SEARCH = "search"
    ADD = "add"
    THUMB_UP = "thumb_up"
    THUMB_DOWN = "thumb_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One interaction. `at` is timezone-aware UTC; `seconds` of `of_seconds` were watched where that applies."""

    event: EventId
    viewer: ViewerId
    title: str
    action: Action
    at: datetime
    device: str | None = None
    canvas: str | None = None
    row: str | None = None
    seconds: float | None = None
    of_seconds: float | None = None
