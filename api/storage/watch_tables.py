"""The tables of what is observed of versions: shadows, and those that decide. Knows no connection and no statement."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, LargeBinary, String, Table, Text

from api.storage.columns import UtcDateTime
from api.storage.tables import SERIAL, metadata

shadow_reports = Table(
    "shadow_reports",
    metadata,
    Column("deployment", SERIAL, ForeignKey("deployments.deployment"), primary_key=True, autoincrement=False),
    Column("server", Text, primary_key=True),
    Column("version", String(120)),
    Column("pages", BigInteger, nullable=False),
    Column("slots", BigInteger, nullable=False),
    Column("chosen", Float, nullable=False),
    Column("distance", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("live_seconds", Float, nullable=False),
    Column("slow", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("unable", Integer, nullable=False),
    Column("problem", Text),
    Column("told_at", UtcDateTime, nullable=False),
)
"""Sums of one server process over the pages that it asked a shadow about, since the `deployment` that made it one;
`unable` is 1 while it cannot load the version."""

watch_evidence = Table(
    "watch_evidence",
    metadata,
    Column("version", String(120), primary_key=True),
    Column("until", String(32), nullable=False),
    Column("seen", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""What the watch has seen of a version on stage, up to the page `until`: so that another worker goes on from there."""

__all__ = ["shadow_reports", "watch_evidence"]
