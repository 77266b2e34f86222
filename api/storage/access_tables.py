"""The tables of who may: keys, sessions, the audit log. Knows no connection and no statement."""

from sqlalchemy import JSON, BigInteger, Column, Date, Index, String, Table, Text

from api.storage.columns import UtcDateTime
from api.storage.tables import SERIAL, SHA256, metadata

__all__ = ["api_keys", "audit_log", "metadata", "sessions"]

api_keys = Table(
    "api_keys",
    metadata,
    Column("prefix", String(20), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("digest", SHA256, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", Text),
    Column("last_used_on", Date),
    Column("revision", BigInteger, nullable=False),
    Index(None, "name"),
    Index(None, "revision"),
)
"""A key is known by its prefix and the SHA-256 of the whole; nothing here gives it back. Never deleted."""

sessions = Table(
    "sessions",
    metadata,
    Column("session", SHA256, primary_key=True),
    Column("prefix", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "expires_at"),
    Index(None, "prefix"),
)
"""Log-ins to the console: `session` is the SHA-256 of what the cookie holds, `prefix` names the key that logged in.

No foreign key: the key that the settings preset has no row.
"""

audit_log = Table(
    "audit_log",
    metadata,
    Column("entry", SERIAL, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("reason", Text),
    Index(None, "subject", "entry"),
    Index(None, "actor", "entry"),
)
"""Append-only: every change by people or by the worker, in the transaction of the change."""
