"""Pages that were answered with `logged: false`: counted here, written down a moment later (C5). Knows no page.

They are unlogged because the database did not answer in time, so they cannot be counted in the same moment. A process
that is killed takes with it the counts of its last moment, of both sides of C5 alike. Answers under an idempotency key
are written down too, so that every server gives them again (C2), but where the log knows another: that was first.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine

from api.dependencies.answers import RecentAnswers, Remembered
from api.errors import StorageUnavailable
from api.security import Keys
from api.storage.database import transaction
from api.storage.repeats import Repeat, keep_answers, logged_otherwise
from api.storage.tallies import count_unlogged


class UnloggedTally:
    """Counts in memory, from any thread; `refresh` writes down what was counted and answered since the last time."""

    def __init__(self, engine: Engine, recent: RecentAnswers, *, keys: Keys) -> None:
        self._engine = engine
        self._recent = recent
        self._keys = keys
        self._lock = threading.Lock()
        self._count = 0

    def add(self, decisions: int) -> None:
        """Count decisions."""
        with self._lock:
            self._count += decisions

    def refresh(self) -> None:
        """Write down what was counted and answered.

        Raises:
            StorageUnavailable: it is kept for the next time.
        """
        with self._lock:
            counted, self._count = self._count, 0
        answers = self._recent.unwritten()
        if not counted and not answers:
            return
        try:
            with transaction(self._engine) as connection:
                logged = logged_otherwise(connection, {key: each.withdrawn for key, each in answers.items()})
                unknown = {key: each for key, each in answers.items() if key not in logged}
                keep_answers(connection, self._as_repeats(unknown), now=datetime.now(UTC))
                if counted:
                    count_unlogged(connection, counted)
        except StorageUnavailable:
            self.add(counted)
            raise
        self._recent.written(unknown)
        self._recent.forget(logged)

    def _as_repeats(self, answers: Mapping[str, Remembered]) -> dict[str, Repeat]:
        return {
            key: Repeat(digest=self._keys.sealed(each.digest), status=200, body=each.answer)
            for key, each in answers.items()
        }
