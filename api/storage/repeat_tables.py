"""The table of answers to repeatable changes. Knows no connection and no statement."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from api.storage.columns import UtcDateTime
from api.storage.tables import SHA256, metadata

repeats = Table(
    "repeats",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("digest", SHA256, nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "at"),
)
"""`key` is a digest of who asked what with which `Idempotency-Key`."""
