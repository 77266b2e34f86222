"""The tables of viewers who are left out, of erasures, of titles' days, and of the secret that names viewers.

Knows no connection and no statement.
"""

from sqlalchemy import JSON, Column, Date, Float, Index, Integer, Table, Text

from api.storage.columns import PageKey, UtcDateTime
from api.storage.tables import PSEUDONYM, SERIAL, SHA256, metadata

__all__ = ["erasures", "excluded_viewers", "first_secret", "metadata", "robot_days", "title_days"]

first_secret = Table(
    "first_secret",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", SHA256, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""One row: the fingerprint of the secret that the database is used with."""

excluded_viewers = Table(
    "excluded_viewers",
    metadata,
    Column("viewer", PSEUDONYM, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""Viewers whose rows are kept and exported, and neither learned from nor evaluated on."""

robot_days = Table(
    "robot_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("viewer", PSEUDONYM, primary_key=True),
    Column("rule", Text, nullable=False),
)
"""The same for one day (UTC) of a viewer, by a rule that looked at the log."""

erasures = Table(
    "erasures",
    metadata,
    Column("erasure", SERIAL, primary_key=True),
    Column("viewers", JSON),
    Column("actor", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("read_until", PageKey),
    Column("pages", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("export_rows", Integer, nullable=False),
    Index(None, "ended_at"),
)
"""`viewers` are the pseudonyms to be erased, null once nothing holds them any more; `read_until` is how far the log was
looked through. The rest are counts of what was removed."""

title_days = Table(
    "title_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("title", Text, primary_key=True),
    Column("decisions", Float, nullable=False),
    Column("reward", Float, nullable=False),
    Column("variance", Float, nullable=False),
)
"""What a title's decisions of a day (UTC) were worth: how many they stand for, the sum of their rewards, and the
variance of their mean, clustered by viewer."""
