"""How much every viewer did in a day, as far as it is remarkable: what a rule for robots asks. Knows no rule."""

from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from api.storage.log_days import pages_of
from api.storage.pages import within
from api.storage.tables import outcomes, pages
from bandit.rewards import PLAYS
from foundation.events import ViewerId


def many_pages(connection: Connection, day: date, *, more_than: int) -> dict[ViewerId, int]:
    """Return the viewers with more than so many pages in a day (UTC). It walks over the day's pages."""
    count = func.count()
    read = select(pages.c.viewer, count).where(*within(*pages_of(day)))
    rows = connection.execute(read.group_by(pages.c.viewer).having(count > more_than))
    return {ViewerId(viewer): found for viewer, found in rows}


def many_plays(connection: Connection, day: date, *, more_than: int) -> dict[ViewerId, int]:
    """Return the viewers of whose pages of a day more than so many decisions were reported as played.

    Whatever tells of a play counts as one, as it does for rewards: who reports `watched` alone is not overlooked.
    """
    played = select(outcomes.c.page, outcomes.c.slot).where(*_plays_of(day)).distinct().subquery()
    count = func.count()
    read = select(pages.c.viewer, count).join(played, played.c.page == pages.c.page)
    rows = connection.execute(read.group_by(pages.c.viewer).having(count > more_than))
    return {ViewerId(viewer): found for viewer, found in rows}


def many_hours(connection: Connection, day: date, *, more_than: timedelta) -> dict[ViewerId, float]:
    """Return the viewers who are reported to have watched longer than that of what a day's pages showed; in hours.

    Of a decision the longest report counts: `seconds` is the time watched so far.
    """
    longest = func.max(outcomes.c.seconds).label("seconds")
    of_decisions = select(outcomes.c.page, longest).where(*_plays_of(day))
    watched = of_decisions.group_by(outcomes.c.page, outcomes.c.slot).subquery()
    seconds = func.sum(watched.c.seconds)
    read = select(pages.c.viewer, seconds).join(watched, watched.c.page == pages.c.page)
    rows = connection.execute(read.group_by(pages.c.viewer).having(seconds > more_than.total_seconds()))
    return {ViewerId(viewer): found / 3600 for viewer, found in rows}


def _plays_of(day: date) -> tuple[ColumnElement[bool], ...]:
    since, until = pages_of(day)
    return outcomes.c.page > since, outcomes.c.page <= until, outcomes.c.kind.in_(sorted(PLAYS))
