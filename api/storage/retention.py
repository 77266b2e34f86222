"""What is past its keeping leaves the database, a little at a time. Knows no setting and no file."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from api.storage.pages import page_id_at
from api.storage.tables import events, outcomes, pages, viewer_vectors, viewers
from bandit.decision import PageId
from foundation.events import ViewerId

_STALE = -1
"""A vector that says it knows so many events is made anew (`api.storage.events.stale_viewers`)."""


def old_pages(connection: Connection, *, before: datetime, limit: int) -> list[PageId]:
    """Return the oldest pages that were decided before a moment, those too that only outcomes came for."""
    end = page_id_at(before)
    logged = select(pages.c.page).where(pages.c.page < end).order_by(pages.c.page).limit(limit)
    waiting = select(outcomes.c.page).where(outcomes.c.page < end).order_by(outcomes.c.page).limit(limit)
    found = {*connection.scalars(logged), *connection.scalars(waiting)}
    return [PageId(page) for page in sorted(found)[:limit]]


def viewers_after(connection: Connection, last: ViewerId | None, *, limit: int) -> list[ViewerId]:
    """Return viewers in the order of their pseudonyms."""
    read = select(viewers.c.viewer).where(viewers.c.viewer > (last or "")).order_by(viewers.c.viewer).limit(limit)
    return [ViewerId(viewer) for viewer in connection.scalars(read)]


def remove_old_events(connection: Connection, of: list[ViewerId], *, before: datetime) -> int:
    """Remove the events of some viewers that happened before a moment, and return how many.

    Who has none left is forgotten; vectors of the others are made anew from what is left.
    """
    old = (events.c.viewer.in_(of), events.c.at < before)
    touched = list(connection.scalars(select(events.c.viewer).where(*old).distinct()))
    if not touched:
        return 0
    removed = connection.execute(delete(events).where(*old)).rowcount
    left = select(func.count()).where(events.c.viewer == viewers.c.viewer).scalar_subquery()
    connection.execute(update(viewers).where(viewers.c.viewer.in_(touched)).values(events=left))
    connection.execute(delete(viewers).where(viewers.c.viewer.in_(touched), viewers.c.events == 0))
    connection.execute(update(viewer_vectors).where(viewer_vectors.c.viewer.in_(touched)).values(events=_STALE))
    return removed
