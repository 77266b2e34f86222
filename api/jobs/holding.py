"""The jobs that a worker holds: taken, kept alive by a beat, let go. Knows not what they do."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine

from api.dependencies.identity import has_died, new_name
from api.errors import StorageUnavailable
from api.storage.database import reading, transaction
from api.storage.leases import (
    BEAT_SECONDS,
    LEASE_SECONDS,
    Ended,
    JobStanding,
    Lease,
    Vigil,
    beat,
    end,
    let_go,
    note,
    standings,
    take,
)

logger = logging.getLogger(__name__)

SURE_SHARE = 0.8
"""A holder that could not beat for so much of a lease stops before another one may begin."""


class Holdings:
    """Safe to use from the worker's thread while its own thread beats. `close` lets go of everything."""

    def __init__(
        self,
        engine: Engine,
        *,
        lease_seconds: float = LEASE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._sure_for = lease_seconds * SURE_SHARE
        self._vigil = Vigil(clock=clock, lease_seconds=lease_seconds)
        self._beaten: dict[Lease, float] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, args=(beat_seconds,), name="keyart-beat", daemon=True)
        self._thread.start()

    def take(self, standing: JobStanding) -> Lease | None:
        """Take a job as it was seen to stand, if nobody holds it or its holder is dead; None: not now.

        Raises:
            StorageUnavailable: nothing was taken.
        """
        died = standing.owner is not None and has_died(standing.owner)
        if not (self._vigil.is_free(standing) or died):
            return None
        with transaction(self._engine) as connection:
            lease = take(connection, standing, owner=new_name(), now=datetime.now(UTC))
        if lease is not None:
            if standing.owner is not None:
                logger.warning("%s is taken over from %s, which died", standing.job, standing.owner)
            with self._lock:
                self._beaten[lease] = self._clock()
        return lease

    def is_ours(self, lease: Lease) -> bool:
        """Whether a lease surely counts still."""
        with self._lock:
            return self._clock() - self._beaten.get(lease, float("-inf")) < self._sure_for

    def end(self, lease: Lease, ended: Ended) -> bool:
        """Let go of a job and keep how its run ended; False where another worker has taken it over."""
        self._forget(lease)
        with transaction(self._engine) as connection:
            return end(connection, lease, ended)

    def note(self, lease: Lease, ended: Ended) -> bool:
        """Keep how a run ended, and go on holding the job; False where another worker has taken it over."""
        with transaction(self._engine) as connection:
            return note(connection, lease, ended)

    def let_go(self, lease: Lease) -> None:
        """Let go of a job as if it had not been run."""
        self._forget(lease)
        with transaction(self._engine) as connection:
            let_go(connection, lease)

    def standings(self) -> dict[str, JobStanding]:
        """How all jobs of the schedule stand."""
        with reading(self._engine) as connection:
            return standings(connection)

    def close(self) -> None:
        """Let go of everything that is held."""
        self._ending.set()
        self._thread.join()
        for lease in [*self._beaten]:
            try:
                self.let_go(lease)
            except StorageUnavailable as error:
                logger.warning("%s is left to be taken over: %s", lease.job, error)

    def _forget(self, lease: Lease) -> None:
        with self._lock:
            self._beaten.pop(lease, None)

    def _beat_on(self, seconds: float) -> None:
        while not self._ending.wait(seconds):
            for lease in [*self._beaten]:
                try:
                    self._beat(lease)
                except Exception as error:
                    # The thread must outlive whatever it meets, or all that is held would be lost.
                    logger.warning("the beat of %s failed: %s", lease.job, error)

    def _beat(self, lease: Lease) -> None:
        began = self._clock()
        with transaction(self._engine) as connection:
            lives = beat(connection, lease)
        with self._lock:
            if lease not in self._beaten:
                return
            if lives:
                self._beaten[lease] = began
            else:
                del self._beaten[lease]
                logger.warning("%s was taken over by another worker", lease.job)
