"""What titles' days were worth, kept so that each day is read from the log a few times only. Knows no test."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, delete, select

from api.storage.columns import upsert
from api.storage.privacy_tables import title_days
from bandit.jumps import TitleDay


def put_title_days(connection: Connection, day: date, found: Mapping[str, TitleDay]) -> None:
    """Keep a day's titles, over what was known of that day."""
    connection.execute(delete(title_days).where(title_days.c.day == day))
    rows = [
        {
            "day": day,
            "title": title,
            "decisions": each.decisions,
            "reward": each.mean * each.decisions,
            "variance": each.variance,
        }
        for title, each in sorted(found.items())
    ]
    upsert(connection, title_days, rows)


def read_title_days(connection: Connection, *, since: date, until: date) -> dict[date, dict[str, TitleDay]]:
    """Return the days `since` ≤ day ≤ `until` that are kept, in order, by title."""
    read = select(title_days).where(title_days.c.day >= since, title_days.c.day <= until).order_by(title_days.c.day)
    found: dict[date, dict[str, TitleDay]] = {}
    for row in connection.execute(read):
        known = TitleDay(decisions=row.decisions, mean=row.reward / row.decisions, variance=row.variance)
        found.setdefault(row.day, {})[row.title] = known
    return found


def remove_title_days(connection: Connection, *, before: date) -> None:
    """Remove the days before one."""
    connection.execute(delete(title_days).where(title_days.c.day < before))
