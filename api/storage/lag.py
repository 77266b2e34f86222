"""How far the work behind the pages has fallen back: rewards that are due, and jobs. Knows not who does it."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from api.storage.jobs import JobState
from api.storage.tables import due_pages, jobs


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Return since when the page that waits longest is due for its rewards; None while none is due."""
    due = select(due_pages.c.due_at).where(due_pages.c.due_at <= now).order_by(due_pages.c.due_at).limit(1)
    return connection.scalar(due)


def oldest_waiting(connection: Connection) -> datetime | None:
    """Return since when the job that waits longest waits; None while none does."""
    return connection.scalar(select(func.min(jobs.c.created_at)).where(jobs.c.state == JobState.WAITING))


def count_jobs(connection: Connection) -> dict[JobState, int]:
    """Count the jobs that wait, run, or failed for good."""
    kept = (JobState.WAITING, JobState.RUNNING, JobState.FAILED)
    counted = select(jobs.c.state, func.count()).where(jobs.c.state.in_(kept)).group_by(jobs.c.state)
    found = {JobState(state): count for state, count in connection.execute(counted)}
    return {state: found.get(state, 0) for state in kept}
