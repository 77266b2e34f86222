"""The tables of what the worker and its operator need: the schedule and alarms. Knows no statement."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text, text

from api.storage.columns import UtcDateTime
from api.storage.tables import SERIAL, metadata

alarms = Table(
    "alarms",
    metadata,
    Column("alarm", SERIAL, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("renewed_at", UtcDateTime, nullable=False),
    Column("cleared_at", UtcDateTime),
    Index(
        "uq_alarms_open",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("cleared_at IS NULL"),
        postgresql_where=text("cleared_at IS NULL"),
    ),
)
"""At most one alarm of a kind and subject is open; cleared ones stay, to be looked back at."""

schedule = Table(
    "schedule",
    metadata,
    Column("job", String(40), primary_key=True),
    Column("owner", Text),
    Column("beat", BigInteger, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("state", String(20)),
    Column("result", Text),
    Column("memory", JSON),
    Column("next_at", UtcDateTime),
    Column("runs", BigInteger, nullable=False),
    Column("failures_in_a_row", Integer, nullable=False),
)
"""One row a job of the schedule: who holds it, how its last run ended, when it is next. `beat` counts up while it is
held, so that whoever watches it by their own clock can tell a holder that lives from one that does not."""
