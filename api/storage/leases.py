"""The jobs of the schedule: who holds each, how its last run ended and when it is next. Knows not what a job does.

A job is held by one worker at a time. No clock says how long: the holder counts a beat up, and whoever wants the job
watches the beat by a monotonic clock of their own (`Vigil`). So a wall clock that jumps, on whichever machine, neither
takes a job from a worker that lives nor leaves it with one that died.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select, update

from api.storage.columns import inserting
from api.storage.operations_tables import schedule

LEASE_SECONDS = 30.0
"""A holder whose beat stood still for so long is taken to be dead."""
BEAT_SECONDS = 5.0


class RunState(StrEnum):
    """How the last run of a job ended."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStanding:
    """A job of the schedule as it stands; `owner` None: nobody holds it. `memory` is what its last run leaves the next.

    `result` is one line for people on the last run. Times are of the clock of the worker that ran it.
    """

    job: str
    owner: str | None = None
    beat: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    state: RunState | None = None
    result: str | None = None
    memory: Mapping[str, Any] = field(default_factory=dict[str, Any])
    next_at: datetime | None = None
    runs: int = 0
    failures_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """That `owner` holds a job; the owner's name is used for one holding only."""

    job: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended; `memory` None leaves what is remembered as it is."""

    state: RunState
    result: str
    at: datetime
    next_at: datetime | None
    memory: Mapping[str, Any] | None = None


class Vigil:
    """Watches the beats of holders by a monotonic clock, to tell those that died. One a worker."""

    def __init__(self, *, clock: Callable[[], float], lease_seconds: float = LEASE_SECONDS) -> None:
        self._clock = clock
        self._lease = lease_seconds
        self._seen: dict[str, tuple[str | None, int, float]] = {}

    def is_free(self, standing: JobStanding) -> bool:
        """Tell whether a job may be taken: nobody holds it, or its beat stood still since it was first seen."""
        if standing.owner is None:
            self._seen.pop(standing.job, None)
            return True
        now = self._clock()
        owner, beat, since = self._seen.get(standing.job, (None, -1, now))
        if (owner, beat) != (standing.owner, standing.beat):
            self._seen[standing.job] = (standing.owner, standing.beat, now)
            return False
        return now - since >= self._lease


def plan(connection: Connection, jobs: Collection[str]) -> None:
    """Put jobs on the schedule; those that are on it stay as they are."""
    rows = [{"job": job, "beat": 0, "runs": 0, "failures_in_a_row": 0} for job in sorted(jobs)]
    if rows:
        connection.execute(inserting(connection, schedule).on_conflict_do_nothing(index_elements=["job"]), rows)


def standings(connection: Connection) -> dict[str, JobStanding]:
    """Return all jobs of the schedule by name."""
    rows = connection.execute(select(schedule).order_by(schedule.c.job)).mappings()
    return {row["job"]: _standing(row) for row in rows}


def take(connection: Connection, seen: JobStanding, *, owner: str, now: datetime) -> Lease | None:
    """Take a job that stands as it was seen; None when another worker was faster, or its holder lives after all."""
    same = _held_by(seen.job, seen.owner)
    changes = {"owner": owner, "beat": seen.beat + 1, "started_at": now}
    taken = connection.execute(update(schedule).where(same, schedule.c.beat == seen.beat).values(**changes))
    return Lease(seen.job, owner) if taken.rowcount == 1 else None


def beat(connection: Connection, lease: Lease) -> bool:
    """Say that the holder lives; False: another worker took the job over, and what is done now must not count."""
    counted = update(schedule).where(_held_by(lease.job, lease.owner)).values(beat=schedule.c.beat + 1)
    return connection.execute(counted).rowcount == 1


def holds(connection: Connection, lease: Lease) -> bool:
    """Tell whether a lease still counts. The row is locked until the transaction ends: nobody takes over meanwhile."""
    return connection.execute(_own_row(lease)).first() is not None


def end(connection: Connection, lease: Lease, ended: Ended) -> bool:
    """Let go of a job and keep how its run ended; False, and nothing is kept, when another worker took it over."""
    return _change(connection, lease, {"owner": None, **_told_of(ended)})


def note(connection: Connection, lease: Lease, ended: Ended) -> bool:
    """Keep how a run ended, and go on holding the job; False, and nothing is kept, when another worker took it over."""
    return _change(connection, lease, _told_of(ended))


def remember(connection: Connection, lease: Lease, memory: Mapping[str, Any]) -> bool:
    """Keep what the next run shall know, while this one goes on; False, and nothing is kept, when the job is lost.

    In the transaction of a result: who takes the job over knows of that result, or it was never kept.
    """
    return _change(connection, lease, {"memory": dict(memory)})


def bring_forward(connection: Connection, jobs: Collection[str]) -> None:
    """Let jobs be due at once: there is something new for them."""
    connection.execute(update(schedule).where(schedule.c.job.in_(jobs)).values(next_at=None))


def let_go(connection: Connection, lease: Lease) -> bool:
    """Let go of a job as if it had not been run; False: another worker took it over."""
    return _change(connection, lease, {"owner": None})


def _told_of(ended: Ended) -> dict[str, Any]:
    failed = ended.state is RunState.FAILED
    told: dict[str, Any] = {
        "ended_at": ended.at,
        "state": ended.state,
        "result": ended.result,
        "next_at": ended.next_at,
        "runs": schedule.c.runs + 1,
        "failures_in_a_row": schedule.c.failures_in_a_row + 1 if failed else 0,
    }
    return told if ended.memory is None else told | {"memory": dict(ended.memory)}


def _change(connection: Connection, lease: Lease, changes: Mapping[str, Any]) -> bool:
    own = update(schedule).where(_held_by(lease.job, lease.owner))
    return connection.execute(own.values(**changes, beat=schedule.c.beat + 1)).rowcount == 1


def _held_by(job: str, owner: str | None) -> ColumnElement[bool]:
    return and_(schedule.c.job == job, schedule.c.owner.is_(None) if owner is None else schedule.c.owner == owner)


def _own_row(lease: Lease) -> Any:
    return select(schedule.c.job).where(_held_by(lease.job, lease.owner)).with_for_update()


def _standing(row: RowMapping) -> JobStanding:
    told: dict[str, Any] = {name: row[name] for name in JobStanding.__slots__}
    told["memory"] = told["memory"] or {}
    told["state"] = RunState(told["state"]) if told["state"] else None
    return JobStanding(**told)
