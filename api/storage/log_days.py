"""Which days of the log changed, and how often: for whoever keeps a copy by day. Knows no file.

A page's day is that of its id, in UTC. A day's count is taken in the transaction of its change, so a copy that was
begun after the count was read holds at least what that count stands for.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, select

from api.storage.bulk import insert_many
from api.storage.joined_tables import log_days
from api.storage.pages import decided_at, page_id_at
from bandit.decision import PageId


def day_of(page: PageId) -> date:
    """Return the day of a page."""
    return decided_at(page).date()


def pages_of(day: date) -> tuple[PageId, PageId]:
    """Return the bounds of a day's pages: `since` < id ≤ `until`."""
    midnight = datetime.combine(day, time(), UTC)
    return _before(page_id_at(midnight)), _before(page_id_at(midnight + timedelta(days=1)))


def _before(page: PageId) -> PageId:
    return PageId(f"{int(page, 16) - 1:032x}")


def touch_days(connection: Connection, changed: Iterable[PageId]) -> None:
    """Count a change of the days of some pages, in the transaction that changes them."""
    rows = [(day.isoformat(), 1) for day in sorted({day_of(page) for page in changed})]
    insert_many(connection, log_days, ("day", "revision"), rows=rows, conflict=_ONCE_MORE)


def read_days(connection: Connection) -> dict[date, int]:
    """Return every day that something was joined or removed of, in order, and its count of changes."""
    read = select(log_days.c.day, log_days.c.revision).order_by(log_days.c.day)
    return {date.fromisoformat(day): revision for day, revision in connection.execute(read)}


_ONCE_MORE = "ON CONFLICT (day) DO UPDATE SET revision = log_days.revision + 1"
