"""What an operator must look at: alarms, open until what raised them is over. Knows not what an alarm is about."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, text, update

from api.storage.columns import inserting
from api.storage.operations_tables import alarms

OPEN_ONLY = text("cleared_at IS NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: `renewed_at` is when it was raised last, `cleared_at` None while it is open."""

    kind: str
    subject: str
    message: str
    raised_at: datetime
    renewed_at: datetime
    cleared_at: datetime | None = None


def raise_alarm(connection: Connection, *, kind: str, subject: str, message: str, now: datetime) -> bool:
    """Raise an alarm and tell whether it is new; one that is open already gets this message and is renewed.

    Call it in the transaction that writes what the alarm is about.
    """
    values = {"kind": kind, "subject": subject, "message": message, "raised_at": now, "renewed_at": now}
    once = inserting(connection, alarms).on_conflict_do_nothing(
        index_elements=["kind", "subject"], index_where=OPEN_ONLY
    )
    if connection.execute(once.returning(alarms.c.alarm), values).scalar_one_or_none() is not None:
        return True
    renewed = update(alarms).where(alarms.c.kind == kind, alarms.c.subject == subject, alarms.c.cleared_at.is_(None))
    connection.execute(renewed.values(message=message, renewed_at=now))
    return False


def clear_alarm(connection: Connection, *, kind: str, subject: str, now: datetime) -> bool:
    """Clear an alarm, since what raised it is over; tell whether it was open."""
    own = update(alarms).where(alarms.c.kind == kind, alarms.c.subject == subject, alarms.c.cleared_at.is_(None))
    return connection.execute(own.values(cleared_at=now)).rowcount == 1


def open_alarms(connection: Connection) -> list[Alarm]:
    """Return the alarms that are open, the newest first."""
    found = select(alarms).where(alarms.c.cleared_at.is_(None)).order_by(alarms.c.alarm.desc())
    return [_alarm(row) for row in connection.execute(found).mappings()]


def _alarm(row: RowMapping) -> Alarm:
    return Alarm(**{name: row[name] for name in Alarm.__slots__})
