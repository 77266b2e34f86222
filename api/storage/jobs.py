"""The queue of work that is done outside a request, with leases. Knows not what a job does.

A job waits, runs under a lease, and ends done or failed. A worker that dies leaves a lease that runs out; then another
worker takes the job over. So a job runs at least once, and what it writes must be harmless to write twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, func, or_, select, text, update

from api.storage.columns import inserting
from api.storage.tables import jobs

MOST_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(minutes=5)
AHEAD = timedelta(days=1)
"""No job waits and no lease holds for so long: what is further off was written by a clock that was ahead."""
WAITING_ONLY = text("state = 'waiting'")


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobKind(StrEnum):
    """The kinds of work that storage itself asks for."""

    EMBED_IMAGE = "embed_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its worker holds it. `attempt` counts from 1; `owner` is the worker's name."""

    job: int
    kind: str
    key: str
    owner: str
    attempt: int
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])


def enqueue(
    connection: Connection, kind: str, *, key: str, now: datetime, payload: Mapping[str, Any] | None = None
) -> bool:
    """Let a job of this kind wait, and tell whether it was added: one with the same key that waits already suffices."""
    statement = inserting(connection, jobs).values(
        kind=kind,
        key=key,
        payload=dict(payload or {}),
        state=JobState.WAITING,
        attempts=0,
        run_after=now,
        created_at=now,
    )
    once = statement.on_conflict_do_nothing(index_elements=["kind", "key"], index_where=WAITING_ONLY)
    return connection.execute(once.returning(jobs.c.job)).scalar_one_or_none() is not None


def claim(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    lease: timedelta,
    kinds: Collection[str] | None = None,
    untried: bool = False,
) -> Job | None:
    """Take the job that has been due the longest, or one whose worker let its lease run out; None if there is none.

    Two workers never hold one job: on PostgreSQL its row is locked, on SQLite the whole database is. With `untried`
    only jobs that no worker held before are taken.
    """
    due = (
        select(jobs.c.job, jobs.c.kind, jobs.c.key, jobs.c.payload, jobs.c.attempts)
        .where(_is_due(now))
        .order_by(jobs.c.run_after, jobs.c.job)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if kinds is not None:
        due = due.where(jobs.c.kind.in_(list(kinds)))
    if untried:
        due = due.where(jobs.c.attempts == 0)
    row = connection.execute(due).one_or_none()
    if row is None:
        return None
    attempt = row.attempts + 1
    connection.execute(
        update(jobs)
        .where(jobs.c.job == row.job)
        .values(state=JobState.RUNNING, attempts=attempt, lease_owner=owner, lease_until=now + lease)
    )
    return Job(job=row.job, kind=row.kind, key=row.key, owner=owner, attempt=attempt, payload=row.payload)


def complete(connection: Connection, job: Job, *, now: datetime) -> bool:
    """Mark a job done; False when it was taken over meanwhile. Call it in the transaction that writes the results."""
    return _change(connection, job, {"state": JobState.DONE, "ended_at": now, "lease_until": None, "error": None})


def fail(connection: Connection, job: Job, *, error: str, now: datetime, retry: bool = True) -> JobState:
    """Let a job wait for another try, each later than the last; or end it, after `MOST_ATTEMPTS` or when no try helps.

    `error` is one line for people. A job ends too when another of its key already waits, which will do the same work.
    """
    again = retry and job.attempt < MOST_ATTEMPTS and not _waits_already(connection, job)
    if again:
        delay = min(FIRST_DELAY * 2 ** (job.attempt - 1), LONGEST_DELAY)
        changes = {"state": JobState.WAITING, "run_after": now + delay, "lease_until": None, "error": error}
    else:
        changes = {"state": JobState.FAILED, "ended_at": now, "lease_until": None, "error": error}
    _change(connection, job, changes)
    return JobState.WAITING if again else JobState.FAILED


def give_up(connection: Connection, kind: str, *, now: datetime) -> list[str]:
    """End the jobs of a kind whose every worker died, since they would kill the next one too; return their keys."""
    ended = (
        update(jobs)
        .where(jobs.c.kind == kind, _is_abandoned(now), jobs.c.attempts >= MOST_ATTEMPTS)
        .values(state=JobState.FAILED, ended_at=now, lease_until=None, error="Every worker that tried it died.")
    )
    return list(connection.scalars(ended.returning(jobs.c.key)))


def keys_in_hand(connection: Connection, kind: str, *, since: datetime) -> set[str]:
    """Return the keys of the jobs of a kind that wait, run, or failed at `since` or later."""
    unfinished = jobs.c.state.in_([JobState.WAITING, JobState.RUNNING])
    failed = and_(jobs.c.state == JobState.FAILED, jobs.c.ended_at >= since)
    return set(connection.scalars(select(jobs.c.key).where(jobs.c.kind == kind, or_(unfinished, failed))))


def count_jobs(connection: Connection) -> dict[tuple[str, JobState], int]:
    """Count the jobs that are kept, by kind and state."""
    counted = select(jobs.c.kind, jobs.c.state, func.count()).group_by(jobs.c.kind, jobs.c.state)
    return {(kind, JobState(state)): count for kind, state, count in connection.execute(counted)}


def count_unfinished(connection: Connection, kind: str | None = None) -> int:
    """Count the jobs that wait or run, of one kind or of all."""
    counted = select(func.count()).where(jobs.c.state.in_([JobState.WAITING, JobState.RUNNING]))
    return connection.scalar(counted if kind is None else counted.where(jobs.c.kind == kind)) or 0


def forget_done(connection: Connection, *, before: datetime) -> int:
    """Delete the jobs that were done before a moment; failed ones stay to be looked at."""
    return connection.execute(delete(jobs).where(jobs.c.state == JobState.DONE, jobs.c.ended_at < before)).rowcount


def _is_due(now: datetime) -> ColumnElement[bool]:
    waits = and_(jobs.c.state == JobState.WAITING, _has_come(jobs.c.run_after, now))
    return or_(waits, and_(_is_abandoned(now), jobs.c.attempts < MOST_ATTEMPTS))


def _is_abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(jobs.c.state == JobState.RUNNING, _has_come(jobs.c.lease_until, now))


def _has_come(moment: Column[Any], now: datetime) -> ColumnElement[bool]:
    return or_(moment <= now, moment > now + AHEAD)


def _change(connection: Connection, job: Job, changes: Mapping[str, Any]) -> bool:
    held = and_(
        jobs.c.job == job.job,
        jobs.c.state == JobState.RUNNING,
        jobs.c.lease_owner == job.owner,
        jobs.c.attempts == job.attempt,
    )
    return connection.execute(update(jobs).where(held).values(**changes)).rowcount == 1


def _waits_already(connection: Connection, job: Job) -> bool:
    twin = select(jobs.c.job).where(
        jobs.c.kind == job.kind, jobs.c.key == job.key, jobs.c.state == JobState.WAITING, jobs.c.job != job.job
    )
    return connection.execute(twin).first() is not None
