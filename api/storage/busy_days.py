"""How much every viewer did in a day, as far as it is remarkable: what a rule for robots asks. Knows no rule."""

from datetime import date

from sqlalchemy import Connection, func, select

from api.storage.log_days import pages_of
from api.storage.pages import within
from api.storage.tables import outcomes, pages
from bandit.decision import OutcomeKind
from foundation.events import ViewerId


def many_pages(connection: Connection, day: date, *, more_than: int) -> dict[ViewerId, int]:
    """Return the viewers with more than so many pages in a day (UTC). It walks over the day's pages."""
    count = func.count()
    read = select(pages.c.viewer, count).where(*within(*pages_of(day)))
    rows = connection.execute(read.group_by(pages.c.viewer).having(count > more_than))
    return {ViewerId(viewer): found for viewer, found in rows}


def many_plays(connection: Connection, day: date, *, more_than: int) -> dict[ViewerId, int]:
    """Return the viewers of whose pages of a day more than so many decisions were reported as played."""
    since, until = pages_of(day)
    played = (
        select(outcomes.c.page, outcomes.c.slot)
        .where(outcomes.c.page > since, outcomes.c.page <= until, outcomes.c.kind == OutcomeKind.PLAYED)
        .distinct()
        .subquery()
    )
    count = func.count()
    read = select(pages.c.viewer, count).join(played, played.c.page == pages.c.page)
    rows = connection.execute(read.group_by(pages.c.viewer).having(count > more_than))
    return {ViewerId(viewer): found for viewer, found in rows}
