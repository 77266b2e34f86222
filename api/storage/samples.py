"""Bounded looks at the decision log, for figures that people watch. Knows no reward definition and draws nothing.

Every function reads at most as many rows as it is told, along the order of page ids, however long the log is.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, func, select

from api.storage.columns import chunks
from api.storage.pages import within
from api.storage.tables import due_pages, pages
from bandit.decision import PageId, PolicyVersionId, Rung
from foundation.events import ViewerId


@dataclass(frozen=True, slots=True)
class PageLine:
    """A logged page without its decisions."""

    page: PageId
    viewer: ViewerId
    policy: PolicyVersionId
    slots: int


class PageMarks(msgspec.Struct, frozen=True):
    """The step of the ladder that decided a page, and the probability with which it was logged; see `Page`."""

    rung: Rung = Rung.LIVE
    kept: float = 1.0


_marks = msgspec.msgpack.Decoder(PageMarks)


def first_pages(
    connection: Connection, *, since: PageId | None = None, until: PageId | None = None, limit: int
) -> list[PageLine]:
    """Return the first `limit` pages with `since` < id ≤ `until`, by id."""
    columns = select(pages.c.page, pages.c.viewer, pages.c.policy, pages.c.slots)
    read = columns.where(*within(since, until)).order_by(pages.c.page).limit(limit)
    return [PageLine(*row) for row in connection.execute(read)]


def count_pages(connection: Connection, *, since: PageId, until: PageId, at_most: int) -> int:
    """Count the pages with `since` < id ≤ `until`, up to `at_most`; the index of the ids answers it."""
    some = select(pages.c.page).where(*within(since, until)).limit(at_most).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def marks_of(connection: Connection, wanted: Iterable[PageId]) -> dict[PageId, PageMarks]:
    """Return the marks of those of the `wanted` pages that are in the log."""
    found: dict[PageId, PageMarks] = {}
    for chunk in chunks(wanted):
        rows = connection.execute(select(pages.c.page, pages.c.body).where(pages.c.page.in_(chunk)))
        found.update({PageId(page): _marks.decode(body) for page, body in rows})
    return found


def count_waiting(connection: Connection, *, at_most: int) -> int:
    """Count the pages whose rewards are still to be computed, now or when their window ends, up to `at_most`."""
    some = select(due_pages.c.page).limit(at_most).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0
