"""How tests write single pages into a log and wait for them, and find pages and answers in it by their names."""

import threading
from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from api.errors import RepeatedKey
from api.storage.columns import chunks
from api.storage.decision_log import DecisionLog, Fate, LogEntry
from api.storage.operations_tables import schedule
from api.storage.pages import StoredAnswer, decode_page, stored_answers
from api.storage.tables import pages
from bandit.decision import Page, PageId


def append(
    log: DecisionLog,
    page: Page,
    *,
    timeout: float,
    key: str | None = None,
    digest: str | None = None,
    response: bytes | None = None,
) -> bool:
    """Write a page and tell whether it is durable; False after `timeout` seconds, or when it cannot be written.

    Raises:
        RepeatedKey: another page was written under the key meanwhile; read its `stored_answer`.
    """
    entry = LogEntry(page, idempotency_key=key, request_digest=digest, response=response)
    done = threading.Event()
    if log.offer([entry], settled=lambda _: done.set()):
        return False
    if not done.wait(timeout):
        return log.give_up(entry)
    if entry.fate is Fate.REPEATED:
        raise RepeatedKey("The idempotency key was used a moment ago.", "Ask again.")
    return entry.fate is Fate.DURABLE


def find_pages(connection: Connection, wanted: Iterable[PageId]) -> dict[PageId, Page]:
    """Return those of the `wanted` pages that are in the log."""
    found: dict[PageId, Page] = {}
    for chunk in chunks(wanted):
        rows = connection.execute(select(pages.c.page, pages.c.body).where(pages.c.page.in_(chunk)))
        found.update({PageId(page): decode_page(body) for page, body in rows})
    return found


def stored_answer(connection: Connection, idempotency_key: str) -> StoredAnswer | None:
    """Return what was answered under a key, None when it is new (or its page could not be logged)."""
    return stored_answers(connection, [idempotency_key]).get(idempotency_key)


def make_due(connection: Connection, job: str) -> None:
    """Let a long job be due at once."""
    connection.execute(update(schedule).where(schedule.c.job == job).values(next_at=None))
