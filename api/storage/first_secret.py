"""Which secret a database is used with: the fingerprint that came first stays. Knows no secret."""

from datetime import datetime

from sqlalchemy import Connection, select

from api.storage.columns import insert_missing
from api.storage.privacy_tables import first_secret


def find_fingerprint(connection: Connection) -> str | None:
    """Return the fingerprint of the secret that the database is used with, None before it was used with any."""
    return connection.scalar(select(first_secret.c.fingerprint))


def put_fingerprint(connection: Connection, fingerprint: str, *, now: datetime) -> None:
    """Write a fingerprint down, unless there is one."""
    insert_missing(connection, first_secret, [{"one": 1, "fingerprint": fingerprint, "at": now}])
