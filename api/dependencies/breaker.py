"""A breaker for reads on the serving path: one request pays for a database that does not answer, not each of them."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from api.errors import StorageUnavailable
from api.storage.database import reading

REST_SECONDS = 1.0


class GuardedReads:
    """Reads through a breaker: after a failure, reads are refused at once for a second, then one tries again."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._closed_until = 0.0
        self._why = ("The database did not answer a moment ago.", "Try again in a second.")

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Yield a connection in a transaction that only reads.

        Raises:
            StorageUnavailable: the database does not answer, or did not a moment ago.
        """
        if self._clock() < self._closed_until:
            raise StorageUnavailable(*self._why)
        try:
            with reading(self._engine) as connection:
                yield connection
        except StorageUnavailable as error:
            self._why = (error.message, error.remedy)
            self._closed_until = self._clock() + REST_SECONDS
            raise
