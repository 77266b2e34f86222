"""What happened to decisions: taken once each, in any order (C3). Knows not what it is worth."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select

from api.storage.columns import chunks, inserting
from api.storage.events import Added
from api.storage.rewards import mark_due
from api.storage.tables import outcomes
from bandit.decision import Outcome, OutcomeKind, PageId
from foundation.events import EventId


def add_outcomes(connection: Connection, batch: Sequence[Outcome], *, now: datetime) -> Added:
    """Keep the outcomes that are new by (page, slot, event), and let the rewards of their pages be computed.

    The first outcome of an event id stays. The page need not be in the log yet.
    """
    accepted = 0
    for chunk in chunks(sorted(batch, key=lambda outcome: (outcome.page, outcome.slot, outcome.event))):
        once = inserting(connection, outcomes).on_conflict_do_nothing(index_elements=["page", "slot", "event"])
        rows = [{**asdict(outcome), "received_at": now} for outcome in chunk]
        touched = list(connection.execute(once.returning(outcomes.c.page), rows).scalars())
        accepted += len(touched)
        mark_due(connection, {PageId(page) for page in touched}, now=now)
    return Added(accepted, len(batch) - accepted)


def outcomes_of(connection: Connection, wanted: Iterable[PageId]) -> dict[PageId, list[Outcome]]:
    """Return the outcomes of those `wanted` pages that have any, in time order."""
    found: dict[PageId, list[Outcome]] = {}
    for chunk in chunks(wanted):
        read = select(outcomes).where(outcomes.c.page.in_(chunk)).order_by(outcomes.c.at, outcomes.c.event)
        for row in connection.execute(read).mappings():
            outcome = _outcome(row)
            found.setdefault(outcome.page, []).append(outcome)
    return found


def pages_with_outcomes(connection: Connection, *, since: PageId | None, limit: int) -> list[PageId]:
    """Return the pages after `since` that have outcomes, `limit` at most, in the order of their ids."""
    after = [] if since is None else [outcomes.c.page > since]
    read = select(outcomes.c.page).where(*after).distinct().order_by(outcomes.c.page).limit(limit)
    return [PageId(page) for page in connection.execute(read).scalars()]


def count_outcomes(connection: Connection) -> int:
    """Count the outcomes. It walks over the table."""
    return connection.scalar(select(func.count()).select_from(outcomes)) or 0


def _outcome(row: RowMapping) -> Outcome:
    return Outcome(
        event=EventId(row["event"]),
        page=PageId(row["page"]),
        slot=row["slot"],
        kind=OutcomeKind(row["kind"]),
        at=row["at"],
        seconds=row["seconds"],
        of_seconds=row["of_seconds"],
    )
