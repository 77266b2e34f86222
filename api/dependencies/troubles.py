"""What is wrong with an installation as its database stands, and what to do: found at each look, kept nowhere.

Alarms are what the worker raises about versions; troubles are what nobody would be left to raise, such as that no
worker lives. Knows no server's own state.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from api.dependencies.identity import has_died, spoken
from api.storage.lag import oldest_due, oldest_waiting
from api.storage.leases import JobStanding, RunState, standings
from api.storage.tallies import Conservation, read_conservation

SILENT_AFTER = timedelta(minutes=3)
"""A worker that lives says so once a minute at least, whatever else it does."""
LATE_AFTER = timedelta(minutes=10)
"""Rewards and uploads that wait longer are more than a backlog of busy moments."""

NO_WORKER: Final = "no_worker"
JOB_FAILS: Final = "job_fails"
JOIN_IS_LATE: Final = "join_is_late"
UPLOADS_WAIT: Final = "uploads_wait"
COUNTS_DIFFER: Final = "counts_differ"
KINDS: Final[tuple[str, ...]] = (NO_WORKER, JOB_FAILS, JOIN_IS_LATE, UPLOADS_WAIT, COUNTS_DIFFER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong: `message` says what and since when, `remedy` what to do; `subject` may be empty."""

    kind: str
    message: str
    remedy: str
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is looked at: how the jobs stand, since when rewards and uploads wait (None: none does), and the counts."""

    jobs: Sequence[JobStanding]
    due_since: datetime | None
    uploads_since: datetime | None
    counts: Conservation


def read_troubles(connection: Connection, *, now: datetime) -> list[Trouble]:
    """Look, and say what is wrong; the worst comes first."""
    return troubles_of(look_at(connection, now=now), now=now)


def look_at(connection: Connection, *, now: datetime) -> Look:
    """Read what troubles are told by."""
    return Look(
        jobs=[*standings(connection).values()],
        due_since=oldest_due(connection, now),
        uploads_since=oldest_waiting(connection),
        counts=read_conservation(connection),
    )


def troubles_of(look: Look, *, now: datetime, died: Callable[[str], bool] = has_died) -> list[Trouble]:
    """Say what is wrong with what was seen. `died` tells of a holder whether it surely lives no more."""
    return [
        *_of_counts(look.counts),
        *_of_worker(look, now, died),
        *(_of_job(each) for each in look.jobs if each.state is RunState.FAILED),
        *_of_join(look.due_since, now),
        *_of_uploads(look.uploads_since, now),
    ]


def last_sign(jobs: Iterable[JobStanding], *, now: datetime) -> datetime | None:
    """When a worker was last heard of: it took a job, or told how one goes. None: no worker ever was.

    What lies ahead of `now` was written by a clock that was wrong, and tells nothing.
    """
    told = (at for each in jobs for at in (each.started_at, each.ended_at) if at is not None)
    return max((at for at in told if at <= now + SILENT_AFTER), default=None)


def _of_worker(look: Look, now: datetime, died: Callable[[str], bool]) -> list[Trouble]:
    """No worker lives: each that holds something has died, or none has been heard of for long."""
    sign, holders = last_sign(look.jobs, now=now), {each.owner for each in look.jobs if each.owner is not None}
    if sign is None:
        waits = look.due_since is not None or look.uploads_since is not None
        return [_no_worker("No worker was ever run, and there is work for one.")] if waits else []
    if holders and all(map(died, holders)):
        dead = " and ".join(sorted({spoken(owner) for owner in holders}))
        return [_no_worker(f"The worker {dead} died, and no other one has taken over.")]
    if now - sign <= (SILENT_AFTER if holders else LATE_AFTER):
        return []  # one that is run by cron now and then holds nothing between its runs
    return [_no_worker(f"No worker has been heard of since {_utc(sign)}.")]


def _no_worker(message: str) -> Trouble:
    remedy = "Start one: `keyart worker`. Until then nothing is joined, learned, embedded or watched over."
    return Trouble(kind=NO_WORKER, message=message, remedy=remedy)


def _of_job(job: JobStanding) -> Trouble:
    often = f"{job.failures_in_a_row} times in a row" if job.failures_in_a_row > 1 else "the last time"
    again = f" It is tried again at {_utc(job.next_at)}." if job.next_at else ""
    message = f"The job {job.job} failed {often}: {job.result or 'nobody knows why'}"
    remedy = f"Mend what it names; the worker's log says more.{again}"
    return Trouble(kind=JOB_FAILS, subject=job.job, message=message, remedy=remedy)


def _of_join(since: datetime | None, now: datetime) -> list[Trouble]:
    if since is None or now - since <= LATE_AFTER:
        return []
    remedy = "Look whether a worker runs, and what it logs: until then nothing is learned and no reward counts."
    return [Trouble(kind=JOIN_IS_LATE, message=f"Pages wait for their rewards since {_utc(since)}.", remedy=remedy)]


def _of_uploads(since: datetime | None, now: datetime) -> list[Trouble]:
    if since is None or now - since <= LATE_AFTER:
        return []
    remedy = "Look whether a worker runs, and whether it can load its embedding model: its log says."
    return [Trouble(kind=UPLOADS_WAIT, message=f"Uploaded pictures wait since {_utc(since)}.", remedy=remedy)]


def _of_counts(counts: Conservation) -> list[Trouble]:
    """C5."""
    if counts.holds:
        return []
    message = f"{counts.lost_decisions:,} decisions and {counts.lost_outcomes:,} outcomes are in no state."
    return [Trouble(kind=COUNTS_DIFFER, message=message, remedy="This must never be: keep the database and report it.")]


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
