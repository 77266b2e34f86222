"""Erasures: asked for, done step by step, and gone without a trace of whom they were about. Knows no file and no key.

An erasure's row holds the viewer's pseudonyms until nothing else does, then it keeps counts only. So one that dies half
way is found again, and whoever reads the table later cannot tell who was erased.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, null, select, update

from api.errors import NotFound
from api.storage.pages import within
from api.storage.privacy_tables import erasures, excluded_viewers, robot_days
from api.storage.tables import events, pages, viewers
from bandit.decision import PageId
from foundation.events import ViewerId

EVENTS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One order to erase a viewer: `viewers` are all of their pseudonyms, none once nothing holds one any more.

    `read_until` is how far the log was looked through. The rest counts what was removed so far.
    """

    erasure: int
    viewers: tuple[ViewerId, ...]
    actor: str
    asked_at: datetime
    ended_at: datetime | None
    read_until: PageId | None
    pages: int
    events: int
    export_rows: int


def ask_erasure(connection: Connection, of: Sequence[ViewerId], *, actor: str, now: datetime) -> int:
    """Write down that a viewer, by all of their pseudonyms, is to be erased, and return the erasure's number."""
    row = {"viewers": list(of), "actor": actor, "asked_at": now, "pages": 0, "events": 0, "export_rows": 0}
    return int(connection.execute(insert(erasures).values(row).returning(erasures.c.erasure)).scalar_one())


def find_erasure(connection: Connection, number: int) -> Erasure:
    """Return one erasure.

    Raises:
        NotFound: there is none of this number.
    """
    row = connection.execute(select(erasures).where(erasures.c.erasure == number)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no erasure {number}.", "POST /v1/viewers:erase answers with its number.")
    return _erasure(row)


def open_erasures(connection: Connection) -> list[Erasure]:
    """Return the erasures that have not ended, the oldest first."""
    read = select(erasures).where(erasures.c.ended_at.is_(None)).order_by(erasures.c.erasure)
    return [_erasure(row) for row in connection.execute(read).mappings()]


def pages_of(connection: Connection, of: Sequence[ViewerId], *, after: PageId | None, limit: int) -> list[PageId]:
    """Return pages of some viewers after a page, in the order of their ids. It walks over the log."""
    own = select(pages.c.page).where(pages.c.viewer.in_(of), *within(after, None)).order_by(pages.c.page).limit(limit)
    return [PageId(page) for page in connection.scalars(own)]


def remove_events(connection: Connection, of: Sequence[ViewerId]) -> int:
    """Remove up to a thousand events of some viewers and return how many; their rows of `viewers` count the rest."""
    some = select(events.c.event).where(events.c.viewer.in_(of)).limit(EVENTS_AT_ONCE)
    return connection.execute(delete(events).where(events.c.event.in_(some))).rowcount


def remove_viewers(connection: Connection, of: Sequence[ViewerId]) -> None:
    """Remove viewers who have no events left, with their vectors and what was ordered or found about them."""
    for table in (viewers, excluded_viewers, robot_days):
        connection.execute(delete(table).where(table.c.viewer.in_(of)))


def note_progress(
    connection: Connection, number: int, *, pages: int = 0, events: int = 0, rows: int = 0, until: PageId | None = None
) -> None:
    """Add to an erasure's counts, in the transaction that removed so much; `until`: the log was read so far."""
    added = {
        "pages": erasures.c.pages + pages,
        "events": erasures.c.events + events,
        "export_rows": erasures.c.export_rows + rows,
    }
    moved = {} if until is None else {"read_until": until}
    connection.execute(update(erasures).where(erasures.c.erasure == number).values(**added, **moved))


def add_names(connection: Connection, erasure: Erasure, names: Sequence[ViewerId]) -> None:
    """Let an erasure look for further pseudonyms of its viewer too, from the log's beginning on."""
    known = {"viewers": [*erasure.viewers, *names], "read_until": None}
    connection.execute(update(erasures).where(erasures.c.erasure == erasure.erasure).values(known))


def forget_whom(connection: Connection, number: int) -> None:
    """Drop the pseudonyms from an erasure: nothing else holds them any more."""
    connection.execute(update(erasures).where(erasures.c.erasure == number).values(viewers=null()))


def end_erasure(connection: Connection, number: int, *, now: datetime) -> bool:
    """Let an erasure be done, and tell whether it was not before: worker and command may both be at it."""
    waiting = (erasures.c.erasure == number, erasures.c.ended_at.is_(None))
    return connection.execute(update(erasures).where(*waiting).values(ended_at=now)).rowcount > 0


def _erasure(row: RowMapping) -> Erasure:
    return Erasure(
        erasure=row["erasure"],
        viewers=tuple(map(ViewerId, row["viewers"] or ())),
        actor=row["actor"],
        asked_at=row["asked_at"],
        ended_at=row["ended_at"],
        read_until=row["read_until"],
        pages=row["pages"],
        events=row["events"],
        export_rows=row["export_rows"],
    )
