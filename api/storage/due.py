"""Which pages are to be valued, and when: written down with what makes them due, never guessed from times.

A new page is looked at once, when most of what follows soon has come, and again when its window ends; outcomes make it
due at once. Whoever values it reads first, then writes, in another, short transaction, what is still `unchanged`, and
settles or postpones it. If outcomes came meanwhile, or somebody else was faster, nothing is written. So a worker that
dies, or two that race, lose nothing; two at the same pages only do work twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, select

from api.storage.bulk import insert_many, stamp
from api.storage.columns import chunks
from api.storage.tables import due_pages
from api.storage.tallies import Term, tally
from bandit.decision import PageId

FIRST_LOOK = timedelta(minutes=1)
"""How long after its decision a page is looked at for the first time; what nobody saw by then is unseen for now."""


@dataclass(frozen=True, slots=True)
class NewPage:
    """A page that was put into the log: when, and with how many decisions."""

    page: PageId
    at: datetime
    slots: int


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page to be valued; `changes` counts the batches that touched it, as far as its reader knows.

    Settling a page and touching it again begins a new count, so it takes `due_at` too to tell that nothing happened.
    """

    page: PageId
    changes: int
    due_at: datetime


AHEAD = timedelta(days=1)
"""What is due later than anything that is planned now, by more than this, was planned by a clock that was ahead."""


def admit(connection: Connection, logged: Sequence[NewPage]) -> None:
    """Let pages be valued that this transaction puts into the log, and count their decisions as issued and open."""
    rows = [(each.page, stamp(connection, each.at + FIRST_LOOK), 0) for each in logged]
    insert_many(connection, due_pages, _COLUMNS, rows=rows, conflict="ON CONFLICT DO NOTHING")
    slots = sum(each.slots for each in logged)
    tally(connection, {Term.ISSUED: slots, Term.OPEN: slots})


def mark_due(connection: Connection, touched: Collection[PageId], *, now: datetime) -> None:
    """Let pages be valued from `now` on."""
    rows = [(page, stamp(connection, now), 1) for page in sorted(touched)]
    insert_many(connection, due_pages, _COLUMNS, rows=rows, conflict=_AGAIN)


def find_due(connection: Connection, *, now: datetime, limit: int, longest: timedelta | None = None) -> list[DuePage]:
    """Return pages that are due, those that have been so longest first.

    With `longest`, the furthest that pages are put off, also those that are due much later than that: they were touched
    while a clock was ahead, and would wait until its time has come.
    """
    found = _between(connection, due_pages.c.due_at <= now, limit=limit)
    if longest is None or len(found) == limit:
        return found
    return found + _between(connection, due_pages.c.due_at > now + longest + AHEAD, limit=limit - len(found))


def _between(connection: Connection, when: ColumnElement[bool], *, limit: int) -> list[DuePage]:
    due = (
        select(due_pages.c.page, due_pages.c.changes, due_pages.c.due_at)
        .where(when)
        .order_by(due_pages.c.due_at, due_pages.c.page)
        .limit(limit)
    )
    return [DuePage(PageId(page), changes, due_at) for page, changes, due_at in connection.execute(due)]


def unchanged(connection: Connection, found: Sequence[DuePage]) -> list[DuePage]:
    """Return those of the `found` pages that are as they were found; they stay so until this transaction ends.

    Put the rewards of these, and settle or postpone them, in the same transaction.
    """
    kept: set[DuePage] = set()
    for chunk in chunks(sorted(each.page for each in found)):
        now_due = select(due_pages.c.page, due_pages.c.changes, due_pages.c.due_at).where(due_pages.c.page.in_(chunk))
        rows = connection.execute(now_due.order_by(due_pages.c.page).with_for_update())
        kept.update(DuePage(PageId(page), changes, due_at) for page, changes, due_at in rows)
    return [each for each in found if each in kept]


def settle(connection: Connection, valued: Iterable[PageId]) -> None:
    """Take pages off that were found `unchanged` in this transaction."""
    for chunk in chunks(valued):
        connection.execute(delete(due_pages).where(due_pages.c.page.in_(chunk)))


def postpone(connection: Connection, early: Mapping[PageId, datetime]) -> None:
    """Let pages be valued again at a time: their decision is not in the log yet, or their reward is not final."""
    rows = [(page, stamp(connection, until), 0) for page, until in sorted(early.items())]
    insert_many(connection, due_pages, _COLUMNS, rows=rows, conflict=_LATER)


def count_due(connection: Connection, *, now: datetime | None = None) -> int:
    """Count the pages that are due by `now`; without it, those that are due later too."""
    counted = select(func.count()).select_from(due_pages)
    return connection.scalar(counted if now is None else counted.where(due_pages.c.due_at <= now)) or 0


_COLUMNS = ("page", "due_at", "changes")
_AGAIN = "ON CONFLICT (page) DO UPDATE SET due_at = excluded.due_at, changes = due_pages.changes + 1"
_LATER = "ON CONFLICT (page) DO UPDATE SET due_at = excluded.due_at"
