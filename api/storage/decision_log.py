"""The decision log, written: pages are made durable in groups, before their answers leave (C1). `pages.py` reads it.

One thread writes. While it waits for a commit, the next pages gather, and one commit makes all of them durable: the
more requests, the larger the groups, so no page waits for a timer. A caller waits for its page or until its time is
up; then the page is withdrawn if it was not begun, and deleted again if it was, for its answer did not show it. One
with an idempotency key stays: a retry may have been answered from it already.
"""

import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from api.errors import RepeatedKey, StorageUnavailable
from api.storage.columns import chunks, inserting
from api.storage.database import transaction
from api.storage.pages import encode_page
from api.storage.tables import pages
from bandit.decision import Page

logger = logging.getLogger(__name__)

CAPACITY = 2000
PAGES_A_COMMIT = 100
TIDY_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class LogCounts:
    """What became of the pages since the log was opened; each is counted once under one of the first five.

    `failed`: they could not be written. `timed_out`: their caller gave up; they were withdrawn, deleted, or kept for
    retries with their key. `shed`: the queue was full or the log closed. `repeated`: another page holds their
    idempotency key. `commits` counts groups.
    """

    committed: int = 0
    failed: int = 0
    timed_out: int = 0
    shed: int = 0
    repeated: int = 0
    commits: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    row: dict[str, Any]
    written: Future[bool] = field(default_factory=Future[bool])

    @property
    def page(self) -> str:
        return self.row["page"]

    @property
    def repeatable(self) -> bool:
        """A retry with the same key is answered from this page, whatever its first caller was told."""
        return self.row["idempotency_key"] is not None


class DecisionLog:
    """Appends pages; safe to call from any thread. `close` it to write what is waiting and to end its thread."""

    def __init__(self, engine: Engine, *, capacity: int = CAPACITY) -> None:
        self._engine = engine
        self._waiting: queue.Queue[_Entry | None] = queue.Queue(capacity)
        self._lock = threading.Lock()
        self._counts = LogCounts()
        self._closed = False
        self._unawaited: set[str] = set()  # pages whose caller gave up while they were being written
        self._unwanted: list[str] = []  # pages to delete: written, or perhaps written, but never shown
        self._writer = threading.Thread(target=self._write_forever, name="decision-log", daemon=True)
        self._writer.start()

    def append(
        self,
        page: Page,
        *,
        timeout: float,
        idempotency_key: str | None = None,
        request_digest: str | None = None,
        response: bytes | None = None,
    ) -> bool:
        """Write a page and tell whether it is durable; False after `timeout` seconds, or when it cannot be written.

        After False the page is not in the log and will not come into it (a crash in that moment excepted): answer with
        default artworks and `logged: false`. Only a page with a key may come into it, unseen until a retry is answered
        with its `response`, byte for byte.

        Raises:
            RepeatedKey: another page was written under the key meanwhile; read its `stored_answer`.
        """
        entry = _Entry(_row(page, idempotency_key, request_digest, response))
        if not self._offer(entry):
            return False
        try:
            return entry.written.result(timeout)
        except TimeoutError:
            return self._give_up(entry)

    def counts(self) -> LogCounts:
        """Return the counts as they are now."""
        with self._lock:
            return LogCounts(**{name: getattr(self._counts, name) for name in LogCounts.__slots__})

    def waiting(self) -> int:
        """Return how many pages wait to be written, roughly."""
        return self._waiting.qsize()

    def close(self) -> None:
        """Write what waits, then end the thread; later pages are shed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._waiting.put(None)
        self._writer.join()

    def _offer(self, entry: _Entry) -> bool:
        with self._lock:
            if not self._closed:
                try:
                    self._waiting.put_nowait(entry)
                except queue.Full:
                    pass
                else:
                    return True
            self._counts.shed += 1
        return False

    def _give_up(self, entry: _Entry) -> bool:
        if entry.written.cancel():  # succeeds only for an entry that the writer has not begun
            with self._lock:
                self._counts.timed_out += 1
            return False
        with self._lock:
            if not entry.written.done():
                self._unawaited.add(entry.page)
                return False
        return entry.written.result()

    def _write_forever(self) -> None:
        last = False
        while not last:
            group, last = self._next_group()
            self._write([entry for entry in group if entry.written.set_running_or_notify_cancel()])
        if self._unwanted:
            self._write([])

    def _next_group(self) -> tuple[list[_Entry], bool]:
        """Wait for a page, and take what else waits; the second value tells that the log is closed and this the end."""
        group: list[_Entry] = []
        try:
            entry = self._waiting.get(timeout=TIDY_SECONDS if self._unwanted else None)
            while entry is not None:
                group.append(entry)
                if len(group) == PAGES_A_COMMIT:
                    return group, False
                entry = self._waiting.get_nowait()
        except queue.Empty:
            return group, False
        return group, True

    def _write(self, group: Sequence[_Entry]) -> None:
        try:
            repeated = self._commit(group)
        except StorageUnavailable as error:
            if group:
                logger.warning("%d pages could not be logged: %s", len(group), error)
            self._settle(group, False)
        except Exception:  # whatever one page brings, the thread must live on for the others
            if len(group) > 1:
                for entry in group:
                    self._write([entry])
            else:
                logger.exception("a page could not be logged")
                self._settle(group, False)
        else:
            self._settle([entry for entry in group if entry.page not in repeated], True)
            self._refuse([entry for entry in group if entry.page in repeated])

    def _commit(self, group: Sequence[_Entry]) -> set[str]:
        """Write a group, delete what is unwanted, and return the pages whose key another page holds."""
        unwanted, self._unwanted = self._unwanted, []
        committing = False
        try:
            with transaction(self._engine) as connection:
                for chunk in chunks(unwanted):
                    connection.execute(delete(pages).where(pages.c.page.in_(chunk)))
                repeated = _insert(connection, group) if group else set[str]()
                committing = True
        except Exception:
            self._unwanted.extend(unwanted)
            if committing:  # it failed, but it may have reached the disk: nobody can tell
                self._unwanted.extend(entry.page for entry in group if not entry.repeatable)
            raise
        return repeated

    def _settle(self, group: Sequence[_Entry], durable: bool) -> None:
        with self._lock:
            self._counts.commits += durable and bool(group)
            for entry in group:
                if entry.page in self._unawaited:
                    self._unawaited.remove(entry.page)
                    self._counts.timed_out += 1
                    if durable and not entry.repeatable:
                        self._unwanted.append(entry.page)
                else:
                    self._counts.committed += durable
                    self._counts.failed += not durable
                entry.written.set_result(durable)

    def _refuse(self, group: Sequence[_Entry]) -> None:
        with self._lock:
            for entry in group:
                self._unawaited.discard(entry.page)
                self._counts.repeated += 1
                entry.written.set_exception(RepeatedKey("The idempotency key was used a moment ago.", "Ask again."))


def _row(page: Page, idempotency_key: str | None, request_digest: str | None, response: bytes | None) -> dict[str, Any]:
    return {
        "page": page.page,
        "at": page.at,
        "viewer": page.viewer,
        "policy": page.policy,
        "embedding_version": page.embedding_version,
        "foundation_version": page.foundation_version,
        "slots": len(page.slots),
        "body": encode_page(page),
        "idempotency_key": idempotency_key,
        "request_digest": request_digest,
        "response": response,
    }


def _insert(connection: Connection, group: Sequence[_Entry]) -> set[str]:
    statement = inserting(connection, pages).on_conflict_do_nothing(index_elements=["idempotency_key"])
    connection.execute(statement, [entry.row for entry in group])
    asked = {entry.row["idempotency_key"] for entry in group} - {None}
    if not asked:
        return set()
    kept = select(pages.c.page, pages.c.idempotency_key).where(pages.c.idempotency_key.in_(asked))
    holders = {page for page, _ in connection.execute(kept)}
    return {entry.page for entry in group if entry.row["idempotency_key"] and entry.page not in holders}
