"""Decisions that were answered with `logged: false`: counted here, written down a moment later (C5). Knows no page.

They are unlogged because the database did not answer in time, so they cannot be counted in the same moment. A process
that is killed takes with it the counts of its last moment, of both sides of C5 alike.
"""

import threading

from sqlalchemy import Engine

from api.errors import StorageUnavailable
from api.storage.database import transaction
from api.storage.tallies import count_unlogged


class UnloggedTally:
    """Counts in memory, from any thread; `refresh` writes down what was counted since the last time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._count = 0

    def add(self, decisions: int) -> None:
        """Count decisions."""
        with self._lock:
            self._count += decisions

    def refresh(self) -> None:
        """Write down what was counted.

        Raises:
            StorageUnavailable: it is kept for the next time.
        """
        with self._lock:
            counted, self._count = self._count, 0
        if not counted:
            return
        try:
            with transaction(self._engine) as connection:
                count_unlogged(connection, counted)
        except StorageUnavailable:
            self.add(counted)
            raise
