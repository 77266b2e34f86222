"""The audit log: every change with who, what, before, after, why and when. Append-only; knows no request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

import msgspec
from sqlalchemy import Connection, RowMapping, insert, select

from api.storage.access_tables import audit_log

Facts = Mapping[str, Any]
"""What JSON can hold; never a key, a raw viewer id or another secret."""


@dataclass(frozen=True, slots=True)
class By:
    """Who makes a change, and why where they say so."""

    actor: str
    reason: str | None = None


WORKER = By("keyart-worker")
"""What the worker does in people's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change. `before` is None for what was made, `after` for what was taken away."""

    entry: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Facts | None
    after: Facts | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to list; None: all."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None


EVERYTHING = AuditFilter()


class Told(TypedDict, total=False):
    """What a record may hold besides."""

    before: Facts | None
    after: Facts | None
    reason: str | None


def record(
    connection: Connection, *, actor: str, action: str, subject: str, now: datetime, **told: Unpack[Told]
) -> None:
    """Write a change down, in the transaction that makes it: `before`, `after` and `reason` where there are any.

    `action` is `noun.verb` (`title.put`, `key.revoke`), `subject` what was changed (`title/harbor`). What is the same
    before and after is no change, and is not written.
    """
    before, after = _plain(told.get("before")), _plain(told.get("after"))
    if before is not None and before == after:
        return
    row = {"at": now, "actor": actor, "action": action, "subject": subject, "reason": told.get("reason")}
    connection.execute(insert(audit_log), {**row, "before": before, "after": after})


def list_entries(
    connection: Connection, *, wanted: AuditFilter = EVERYTHING, before: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """Return the entries with a number below `before` (or all), the newest first, at most `limit`."""
    listed = select(audit_log).order_by(audit_log.c.entry.desc()).limit(limit)
    for name in ("actor", "action", "subject"):
        value = getattr(wanted, name)
        if value is not None:
            listed = listed.where(audit_log.c[name] == value)
    if before is not None:
        listed = listed.where(audit_log.c.entry < before)
    return [_entry(row) for row in connection.execute(listed).mappings()]


def _plain(facts: Facts | None) -> dict[str, Any] | None:
    """As JSON gives it back: tuples are lists, times are text."""
    return None if facts is None else msgspec.to_builtins(dict(facts))


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(**{name: row[name] for name in AuditEntry.__slots__})
