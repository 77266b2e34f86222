"""Holds deletion back for a day when the clock leaps: a wrong clock must not empty a log. Knows not what is deleted."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from api.jobs.schedule import Report, Turn
from api.storage.alarms import clear_alarm, raise_alarm
from api.storage.database import transaction

KIND, SUBJECT = "clock_leap", "retain"
LEAP = timedelta(days=2)
"""The clock, or a worker that was off for so long, is ahead of the last run by more than this: somebody should look."""
HELD_RUNS = 24
"""A run an hour: after a day in which nobody set the clock back it is taken to be right."""


def held_back(turn: Turn) -> Report | None:
    """Return the report of a run that deletes nothing, since the clock has leapt; None: go on, with `remembered`.

    Raises:
        StorageUnavailable: the alarm is as it was, and nothing may be deleted.
    """
    last, held = turn.memory.get("at"), int(turn.memory.get("held", 0))
    leapt = timedelta(0) if last is None else turn.now - datetime.fromisoformat(last)
    if leapt <= LEAP or held >= HELD_RUNS:
        _clear(turn.engine, turn.now)
        return None
    message = (
        f"The clock is {leapt.days:,} days ahead of the last time that what is old was deleted. Nothing is deleted for "
        f"{HELD_RUNS - held} runs more: set the clock if it is wrong, and leave it if the worker was off for so long."
    )
    with transaction(turn.engine) as connection:
        raise_alarm(connection, kind=KIND, subject=SUBJECT, message=message, now=turn.now)
    return Report(message, {"at": last, "held": held + 1})


def remembered(now: datetime) -> dict[str, object]:
    """What the next run shall know of one that deleted."""
    return {"at": now.isoformat()}


def _clear(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        clear_alarm(connection, kind=KIND, subject=SUBJECT, now=now)
