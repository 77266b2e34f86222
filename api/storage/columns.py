"""Column types and statements that mean the same on SQLite and PostgreSQL. Knows no tables.

Times are timezone-aware UTC in Python, whatever the database keeps; page ids are 32 hex digits in Python and ordered
by time in the database; vectors are little-endian float32 bytes.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Connection, DateTime, Dialect, Table, Uuid
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

from bandit.context import Vector

Item = TypeVar("Item")
Insert = sqlite.Insert | postgresql.Insert

ROWS_AT_ONCE = 2000
"""Rows that a long answer is fetched by: few enough to be held twice, enough to cost no round trips."""

CHUNK = 500
"""Rows a statement: far below the limit of bound parameters of either database."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: only timezone-aware values are taken, UTC comes back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time, which would mean another moment on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a time zone cannot be stored; pass a UTC datetime.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite keeps no zone; PostgreSQL answers in the session's."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class PageKey(TypeDecorator[str]):
    """A page id: native uuid on PostgreSQL, 32 hex digits on SQLite; both sort as the UUIDv7 does, by time."""

    impl = Uuid(as_uuid=True)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> uuid.UUID | None:
        """Take 32 hex digits."""
        return None if value is None else uuid.UUID(hex=value)

    def process_result_value(self, value: uuid.UUID | None, dialect: Dialect) -> str | None:
        """Give 32 hex digits."""
        return None if value is None else value.hex


def inserting(connection: Connection, table: Table) -> Insert:
    """Return an insert with `on_conflict_…`, which the two databases spell alike but SQLAlchemy does not share."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert `rows` (all with the same keys), or overwrite the rows that have the same primary key."""
    keys = [column.name for column in table.primary_key]
    for chunk in chunks(rows):
        statement = inserting(connection, table)
        others = {name: statement.excluded[name] for name in chunk[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), chunk)


def insert_missing(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert the `rows` whose primary key is not there yet; leave the others as they are."""
    keys = [column.name for column in table.primary_key]
    for chunk in chunks(rows):
        connection.execute(inserting(connection, table).on_conflict_do_nothing(index_elements=keys), chunk)


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Cut `items` into lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def to_bytes(vector: Vector) -> bytes:
    """Return a vector, shape (d,), as it is stored.

    Raises:
        ValueError: it is not one row of finite numbers.
    """
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise ValueError("A stored vector must be one row of finite numbers.")
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def to_vector(stored: bytes) -> Vector:
    """Return the vector, shape (d,), float32, read-only, that `to_bytes` stored."""
    return np.frombuffer(stored, dtype="<f4")
