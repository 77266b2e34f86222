"""Log-ins to the console: kept by the SHA-256 of what the cookie holds, ended by time or by people. Knows no cookie."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from api.storage.access_tables import sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A log-in by the key with this prefix; `session` is the hash of its id."""

    session: str
    prefix: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    def is_open(self, now: datetime, *, idle: timedelta) -> bool:
        """Tell whether it ended neither by its age nor by being left alone for `idle`."""
        return now < self.expires_at and now < self.seen_at + idle


def open_session(connection: Connection, session: Session) -> None:
    """Write a log-in down."""
    row = {name: getattr(session, name) for name in Session.__slots__}
    connection.execute(insert(sessions), row)


def find_session(connection: Connection, session: str) -> Session | None:
    """Return a log-in by the hash of its id, None when there is none (any more)."""
    row = connection.execute(select(sessions).where(sessions.c.session == session)).mappings().one_or_none()
    return None if row is None else Session(**{name: row[name] for name in Session.__slots__})


def see_session(connection: Connection, session: str, *, now: datetime) -> None:
    """Note that a log-in was used."""
    connection.execute(update(sessions).where(sessions.c.session == session).values(seen_at=now))


def end_session(connection: Connection, session: str) -> None:
    """Forget a log-in."""
    connection.execute(delete(sessions).where(sessions.c.session == session))


def forget_ended(connection: Connection, *, now: datetime, idle: timedelta) -> None:
    """Forget the log-ins that time ended."""
    connection.execute(delete(sessions).where((sessions.c.expires_at <= now) | (sessions.c.seen_at <= now - idle)))
