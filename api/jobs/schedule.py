"""A job of the schedule, what it is handed, and when it is due. Knows no single job and no worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from api.errors import Conflict
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.leases import Ended, JobStanding, Lease, RunState, holds, remember

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a job is handed. `memory` is what its last run left; `others` is how all jobs stand.

    `lease` is what its worker holds it by; None where nobody else could run it.
    """

    settings: Settings
    engine: Engine
    blobs: BlobStore
    now: datetime
    memory: Mapping[str, Any] = field(default_factory=dict[str, Any])
    others: Mapping[str, JobStanding] = field(default_factory=dict[str, JobStanding])
    lease: Lease | None = None

    def still(self, connection: Connection) -> None:
        """Let a result be kept only while the job is still its worker's, in the transaction of the result.

        Raises:
            Conflict: another worker took the job over: its result counts, not this one.
        """
        if self.lease is not None and not holds(connection, self.lease):
            raise self._lost()

    def remember(self, connection: Connection, memory: Mapping[str, Any]) -> None:
        """Keep what the next run shall know together with a result, in its transaction: whoever dies after it.

        Raises:
            Conflict: see `still`.
        """
        if self.lease is not None and not remember(connection, self.lease, memory):
            raise self._lost()

    def _lost(self) -> Conflict:
        assert self.lease is not None, "only what is held can be lost"
        return Conflict(f"{self.lease.job} was taken over by another worker.", "What it finds counts.")


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found or did, in one line for people, and what the next run shall know (None: the same as before)."""

    result: str
    memory: Mapping[str, Any] | None = None


def always(turn: Turn) -> str | None:
    """There is always something to do."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJob:
    """One kind of work. `run` may take long: a process of its own calls it.

    `every` says how far apart runs begin, None where an installation does not do it. `idle` is asked before, in the
    worker's own process, so it must be quick: why there is nothing to do, None where there is. `then` are jobs that a
    run brings something to do: they are due at once after it.
    """

    name: str
    every: Callable[[Settings], timedelta | None]
    run: Callable[[Turn], Report]
    idle: Callable[[Turn], str | None] = always
    then: tuple[str, ...] = ()


def is_due(standing: JobStanding, *, every: timedelta, now: datetime) -> bool:
    """Tell whether a job's time has come.

    A next run further off than any plan puts it was planned before the clock was set back: it is due as well.
    """
    planned = standing.next_at
    return planned is None or planned <= now or planned - now > max(every, LONGEST_RETRY)


def done(report: Report, *, every: timedelta, now: datetime) -> Ended:
    """How a run that did its work ended."""
    return Ended(state=RunState.DONE, result=report.result, at=now, next_at=now + every, memory=report.memory)


def failed(message: str, *, standing: JobStanding, every: timedelta, now: datetime) -> Ended:
    """How a run that broke ended; it is tried again soon, then ever later, but never later than usual."""
    wait = min(FIRST_RETRY * 2 ** min(standing.failures_in_a_row, 10), LONGEST_RETRY, every)
    return Ended(state=RunState.FAILED, result=message, at=now, next_at=now + wait)
