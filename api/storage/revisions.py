"""Counters that a reader polls to learn what changed since it last looked. Knows not what is counted."""

from enum import StrEnum

from sqlalchemy import Connection, select

from api.storage.columns import inserting
from api.storage.tables import revisions


class Revision(StrEnum):
    """What is counted."""

    CATALOG = "catalog"
    DEPLOYMENTS = "deployments"
    ACCESS = "access"


def next_revision(connection: Connection, name: Revision) -> int:
    """Return the next value; other writers of the same counter wait until this transaction ends.

    So values are committed in order: who has read the value n has seen every change up to n.
    """
    statement = inserting(connection, revisions).values(name=name, value=1)
    counted = statement.on_conflict_do_update(index_elements=["name"], set_={"value": revisions.c.value + 1})
    return connection.execute(counted.returning(revisions.c.value)).scalar_one()


def hold(connection: Connection, name: Revision) -> None:
    """Be the only writer of what is counted until this transaction ends: what is read from here on is what it changes.

    SQLite has one writer at a time anyway; on PostgreSQL another one could come between a look and its change.
    """
    next_revision(connection, name)


def current_revision(connection: Connection, name: Revision) -> int:
    """Return the last committed value, 0 before the first change."""
    return connection.scalar(select(revisions.c.value).where(revisions.c.name == name)) or 0
