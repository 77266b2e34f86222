"""What a server remembers for a start without its database: kept in files of its home as the database changes (C8).

Knows not what is remembered: each part says its state as lines, and takes them back.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from api.errors import DamagedFile, KeyartError, MissingFile
from api.settings import Settings
from api.storage.snapshots import Snapshot

logger = logging.getLogger(__name__)

FOLDER = "remembered"
CATALOGUE, KEYS = "catalogue", "keys"
"""The parts, by the names of their files."""

REST = 20.0
"""After a write of t seconds the next one waits for so many times t: a large catalogue is not written all the time."""
REST_AFTER_FAILURE = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """A state, by its revision, and the lines that say it, made one by one while they are written."""

    revision: str
    lines: Iterable[bytes]


class Rememberable(Protocol):
    """A part that can be remembered."""

    def told(self) -> Told | None:
        """Return the state that the database said last; None before it said any."""
        ...

    def recall(self, lines: Iterable[bytes]) -> None:
        """Take the place of what the database would say, until it does."""
        ...


class Memory:
    """Keeps parts in files and gives them back. One thread at a time uses it."""

    def __init__(
        self,
        settings: Settings,
        parts: Mapping[str, Rememberable],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = parts
        self._snapshots = {name: snapshot_of(settings, name) for name in parts}
        self._kept: dict[str, str] = {}
        self._failing: set[str] = set()
        self._rests_until = dict.fromkeys(parts, 0.0)
        self._clock = clock

    def recall(self, name: str) -> bool:
        """Give a part back what is remembered of it, and tell whether there was anything."""
        try:
            self._parts[name].recall(self._snapshots[name].recall())
        except (KeyartError, msgspec.MsgspecError, ValueError) as error:
            if not isinstance(error, MissingFile):
                logger.warning("%s: what was kept cannot be used: %s", name, error)
            return False
        logger.warning("%s: remembered from when the database was up", name)
        return True

    def keep(self) -> None:
        """Write down what changed; what cannot be written is tried again."""
        for name, part in self._parts.items():
            told = part.told() if self._clock() >= self._rests_until[name] else None
            if told is not None and told.revision != self._kept.get(name):
                self._keep(name, told)

    def finish(self) -> None:
        """Write down what is left: nothing comes after it that a rest would be good for."""
        self._rests_until = dict.fromkeys(self._parts, -math.inf)
        self.keep()

    def _keep(self, name: str, told: Told) -> None:
        began, snapshot = self._clock(), self._snapshots[name]
        try:
            if name not in self._kept or snapshot.revision() != told.revision:  # not by another process of this home
                snapshot.keep(told.revision, told.lines)
        except Exception as error:  # whatever it is, pages go on without
            if name not in self._failing:
                logger.warning("%s: cannot be kept for a start without the database: %s", name, error)
            self._failing.add(name)
            self._rests_until[name] = self._clock() + REST_AFTER_FAILURE
        else:
            self._failing.discard(name)
            self._kept[name] = told.revision
            self._rests_until[name] = self._clock() + REST * (self._clock() - began)


def snapshot_of(settings: Settings, name: str) -> Snapshot:
    """Return the file of a part."""
    path: Path = settings.home / FOLDER / f"{name}.jsonl"
    return Snapshot(path, database_url=settings.database_url)


def remembers_titles(settings: Settings) -> bool:
    """Tell whether there is a catalogue to show pages from, whatever the database does."""
    try:
        return bool(snapshot_of(settings, CATALOGUE).recall())
    except (MissingFile, DamagedFile):
        return False
