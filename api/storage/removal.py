"""Pages leave the log with all that hangs on them, and the counts with them. Knows no reason and no file.

For pages that were written and never shown, for viewers that are erased, for days that are past their keeping.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, select

from api.storage.columns import chunks
from api.storage.joined_tables import page_rewards
from api.storage.log_days import touch_days
from api.storage.rewards import changes_of, find_rewards
from api.storage.tables import due_pages, outcomes, pages
from api.storage.tallies import Term, tally
from bandit.decision import PageId


def remove_pages(connection: Connection, wanted: Iterable[PageId]) -> int:
    """Remove pages with their outcomes and rewards, in this transaction, and return how many were in the log.

    Outcomes of pages that are not in the log are removed too. Their days count as changed, so an export of them is
    written again. Outcomes that were sent twice or refused stay in the counts: nobody knows whose they were.
    """
    removed = 0
    for chunk in chunks(wanted):
        removed += _remove(connection, sorted(set(chunk)))
    return removed


def _remove(connection: Connection, wanted: list[PageId]) -> int:
    due = select(due_pages.c.page).where(due_pages.c.page.in_(wanted)).order_by(due_pages.c.page)
    connection.execute(due.with_for_update())  # whoever values these pages is done with them, or finds them gone
    valued = [*find_rewards(connection, wanted).values()]
    slots = _deleted(connection, pages, wanted, pages.c.slots)
    told = len(_deleted(connection, outcomes, wanted, outcomes.c.slot))
    for table in (due_pages, page_rewards):
        connection.execute(delete(table).where(table.c.page.in_(wanted)))
    touch_days(connection, wanted if slots or told else [])
    counted = Counter[str]({Term.ISSUED: -sum(slots), Term.OPEN: -sum(slots)})
    counted.update({Term.RECEIVED: -told, Term.WAITING: -told})
    for each in valued:
        joined = each.matched + each.late + each.rejected
        counted.update({Term.WAITING: joined, Term.MATCHED: -each.matched, Term.LATE: -each.late})
        counted.update({Term.REJECTED: -each.rejected})
        if each.final:
            unseen = each.slots - each.rewarded - each.defaulted
            counted.update({Term.OPEN: each.slots, Term.UNSEEN: -unseen})
            counted.update({Term.REWARDED: -each.rewarded, Term.DEFAULTED: -each.defaulted})
    tally(connection, {**counted, **changes_of(valued, [])})
    return len(slots)


def _deleted(connection: Connection, table: Any, wanted: list[PageId], column: Any) -> list[int]:
    return list(connection.execute(delete(table).where(table.c.page.in_(wanted)).returning(column)).scalars())
