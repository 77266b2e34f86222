"""Who is left out of learning and evaluation: viewers by order of a person, viewer-days by rule. Knows no rule.

Rows of the left out stay in the log and in its export; only who reads to learn or to value passes over them.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select

from api.storage.columns import chunks, insert_missing, upsert
from api.storage.pages import decided_at
from api.storage.privacy_tables import excluded_viewers as excluded
from api.storage.privacy_tables import robot_days
from bandit.decision import Page
from foundation.events import ViewerId


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedViewer:
    """A viewer whom somebody excluded, and why."""

    viewer: ViewerId
    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Why whom is left out: `viewers` always, `days` on some days (UTC)."""

    viewers: Mapping[ViewerId, str] = field(default_factory=dict[ViewerId, str])
    days: Mapping[tuple[ViewerId, date], str] = field(default_factory=dict[tuple[ViewerId, date], str])

    def reason(self, page: Page) -> str | None:
        """Why this page's rows are left out; None where they count."""
        reason = self.viewers.get(page.viewer)
        if reason is not None or not self.days:
            return reason
        return self.days.get((page.viewer, decided_at(page.page).date()))

    def digest(self, until: date) -> str:
        """SHA-256 over who is left out of the days up to and with `until`, hex: another one, other rows count."""
        days = sorted(f"{day} {viewer}" for viewer, day in self.days if day <= until)
        return hashlib.sha256("\n".join([*sorted(self.viewers), "", *days]).encode()).hexdigest()


def exclude_viewers(
    connection: Connection, viewers: Iterable[ViewerId], *, reason: str, actor: str, now: datetime
) -> None:
    """Leave viewers out from now on, in all of their rows, earlier ones too; the newest reason stands."""
    rows: list[dict[str, Any]] = [{"viewer": each, "reason": reason, "actor": actor, "at": now} for each in viewers]
    upsert(connection, excluded, rows)


def include_viewers(connection: Connection, viewers: Iterable[ViewerId]) -> int:
    """Let viewers count again, and return how many of them were left out by order."""
    return sum(
        connection.execute(delete(excluded).where(excluded.c.viewer.in_(chunk))).rowcount for chunk in chunks(viewers)
    )


def list_excluded(
    connection: Connection, *, after: tuple[datetime, str] | None = None, limit: int | None = None
) -> list[ExcludedViewer]:
    """Return who is left out by order, the newest first: those behind a time and a viewer, at most `limit`."""
    read = select(excluded).order_by(excluded.c.at.desc(), excluded.c.viewer).limit(limit)
    if after is not None:
        older, same = excluded.c.at < after[0], excluded.c.at == after[0]
        read = read.where(or_(older, and_(same, excluded.c.viewer > after[1])))
    return [ExcludedViewer(**row) for row in connection.execute(read).mappings()]


def put_robot_days(connection: Connection, day: date, found: Mapping[ViewerId, str]) -> None:
    """Let a day's viewers be left out, each by the rule that names them, and the day's other viewers count."""
    connection.execute(delete(robot_days).where(robot_days.c.day == day))
    insert_missing(
        connection, robot_days, [{"day": day, "viewer": each, "rule": rule} for each, rule in sorted(found.items())]
    )


def remove_robot_days(connection: Connection, *, before: date) -> None:
    """Forget the judgements on days before one."""
    connection.execute(delete(robot_days).where(robot_days.c.day < before))


def excluded_viewers(connection: Connection) -> dict[ViewerId, str]:
    """Return why whom is left out by order."""
    return {ViewerId(each.viewer): each.reason for each in list_excluded(connection)}


def read_exclusions(connection: Connection) -> Exclusions:
    """Return everyone who is left out, by order and by rule."""
    rows = connection.execute(select(robot_days.c.viewer, robot_days.c.day, robot_days.c.rule))
    return Exclusions(excluded_viewers(connection), {(ViewerId(viewer), day): rule for viewer, day, rule in rows})
