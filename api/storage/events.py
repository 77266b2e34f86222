"""The interactions of viewers: taken once each, read back as histories. Knows no tokens and no raw viewer id."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, or_, select, update

from api.storage.columns import chunks, insert_missing, inserting
from api.storage.tables import events, viewer_vectors, viewers
from foundation.events import Action, Event, EventId, ViewerId

VIEWERS_A_READ = 200


@dataclass(frozen=True, slots=True)
class Added:
    """How many of a batch were new, and how many had been taken before (or twice in the batch)."""

    accepted: int
    duplicates: int


def add_events(connection: Connection, batch: Sequence[Event], *, now: datetime) -> Added:
    """Keep the events whose id is new; the first of an id stays.

    Rows are written in a fixed order, so that two batches with viewers in common wait for each other, never for ever.
    """
    known = sorted({event.viewer for event in batch})
    insert_missing(connection, viewers, [{"viewer": each, "first_seen_at": now, "events": 0} for each in known])
    grown: Counter[str] = Counter()
    for chunk in chunks(sorted(batch, key=lambda event: event.event)):
        statement = inserting(connection, events).on_conflict_do_nothing(index_elements=["event"])
        added = connection.execute(statement.returning(events.c.viewer), [asdict(event) for event in chunk])
        grown.update(added.scalars())
    if grown:
        counted = (
            update(viewers)
            .where(viewers.c.viewer == bindparam("one"))
            .values(events=viewers.c.events + bindparam("new"))
        )
        connection.execute(counted, [{"one": viewer, "new": new} for viewer, new in sorted(grown.items())])
    accepted = grown.total()
    return Added(accepted, len(batch) - accepted)


def histories(connection: Connection, of: Iterable[ViewerId] | None = None) -> Iterator[tuple[ViewerId, list[Event]]]:
    """Yield the events of each viewer in time order; of all viewers, or of those asked for that have any.

    Holds the events of 200 viewers at a time.
    """
    for chunk in _all_viewers(connection) if of is None else chunks(sorted(set(of)), VIEWERS_A_READ):
        read = select(events).where(events.c.viewer.in_(chunk)).order_by(events.c.viewer, events.c.at, events.c.event)
        rows = connection.execute(read).mappings()
        for viewer, own in groupby(rows, key=lambda row: row["viewer"]):
            yield ViewerId(viewer), [_event(row) for row in own]


def finished_titles(connection: Connection, viewer: ViewerId, titles: Iterable[str]) -> frozenset[str]:
    """Return those of some titles that a viewer has watched to the end; one look at the viewer's own events."""
    ended = select(events.c.title).where(
        events.c.viewer == viewer,
        events.c.action.in_((Action.FINISH, Action.REWATCH)),
        events.c.title.in_(list(titles)),
    )
    return frozenset(connection.scalars(ended.distinct()))


def stale_viewers(connection: Connection, foundation_version: str, *, limit: int = 10_000) -> dict[ViewerId, int]:
    """Return viewers with events that their vector in `foundation_version` does not know, and their count of events.

    Read the counts before the histories and put them beside the vectors: an event that comes in between makes the
    viewer stale again, so none is missed. It walks over all viewers: ask once a batch of events, not once a request.
    """
    made = and_(viewer_vectors.c.viewer == viewers.c.viewer, viewer_vectors.c.foundation_version == foundation_version)
    stale = (
        select(viewers.c.viewer, viewers.c.events)
        .select_from(viewers.outerjoin(viewer_vectors, made))
        .where(or_(viewer_vectors.c.viewer.is_(None), viewer_vectors.c.events < viewers.c.events), viewers.c.events > 0)
        .order_by(viewers.c.viewer)
        .limit(limit)
    )
    return {ViewerId(viewer): count for viewer, count in connection.execute(stale)}


def count_viewers(connection: Connection) -> int:
    """Count the viewers that events came for."""
    return connection.scalar(select(func.count()).select_from(viewers)) or 0


def count_events(connection: Connection) -> int:
    """Count the events."""
    return connection.scalar(select(func.coalesce(func.sum(viewers.c.events), 0))) or 0


def _all_viewers(connection: Connection) -> Iterator[list[ViewerId]]:
    last = ""
    while True:
        read = select(viewers.c.viewer).where(viewers.c.viewer > last).order_by(viewers.c.viewer).limit(VIEWERS_A_READ)
        chunk = list(connection.scalars(read))
        if not chunk:
            return
        yield chunk
        last = chunk[-1]


def _event(row: RowMapping) -> Event:
    return Event(
        event=EventId(row["event"]),
        viewer=ViewerId(row["viewer"]),
        title=row["title"],
        action=Action(row["action"]),
        at=row["at"],
        device=row["device"],
        canvas=row["canvas"],
        row=row["row"],
        seconds=row["seconds"],
        of_seconds=row["of_seconds"],
    )
