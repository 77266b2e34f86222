"""A job of the schedule, what it is handed, and when it is due. Knows no single job and no worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.leases import Ended, JobStanding, RunState

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a job is handed. `memory` is what its last run left; `others` is how all jobs stand."""

    settings: Settings
    engine: Engine
    blobs: BlobStore
    now: datetime
    memory: Mapping[str, Any] = field(default_factory=dict[str, Any])
    others: Mapping[str, JobStanding] = field(default_factory=dict[str, JobStanding])


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
    worker's own process, so it must be quick: why there is nothing to do, None where there is.
    """

    name: str
    every: Callable[[Settings], timedelta | None]
    run: Callable[[Turn], Report]
    idle: Callable[[Turn], str | None] = always


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
