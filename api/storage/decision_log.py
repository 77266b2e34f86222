"""The decision log, written: pages are made durable in groups, before their answers leave (C1). `pages.py` reads it.

One thread writes. While it waits for a commit, the next pages gather, and one commit makes all of them durable: the
more requests, the larger the groups, so no page waits for a timer. Whoever offers pages is told what became of them,
and may give one up: it is withdrawn if it was not begun, and deleted again if it was, for its answer did not show it.
One with an idempotency key stays then: another server may have answered a retry from it already.

A database that does not answer costs the pages that wait for it, not each page that comes after: for a moment all are
refused at once, so that they are answered with default artworks without waiting.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Engine, select

from api.errors import StorageUnavailable
from api.storage.bulk import insert_many, stamp
from api.storage.database import transaction
from api.storage.due import NewPage, admit
from api.storage.pages import encode_page
from api.storage.removal import remove_pages
from api.storage.tables import pages
from bandit.decision import Page, PageId

logger = logging.getLogger(__name__)

CAPACITY = 2000
PAGES_A_COMMIT = 100
TIDY_SECONDS = 1.0
REST_SECONDS = 1.0
PATIENCE_SECONDS = 1.0


class Fate(Enum):
    """What became of a page that was offered."""

    WAITING = auto()
    WRITING = auto()
    DURABLE = auto()
    FAILED = auto()
    REPEATED = auto()
    WITHDRAWN = auto()


class LogEntry:
    """A page on its way into the log, and its fate, which the log alone changes."""

    __slots__ = ("fate", "row", "unawaited")

    def __init__(
        self,
        page: Page,
        *,
        idempotency_key: str | None = None,
        request_digest: str | None = None,
        response: bytes | None = None,
    ) -> None:
        """Take a page and, where a key came with its request, what a repeated request will be answered."""
        self.fate = Fate.WAITING
        self.unawaited = False
        self.row: dict[str, Any] = {
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

    @property
    def page(self) -> PageId:
        """The page's id."""
        return self.row["page"]

    @property
    def repeatable(self) -> bool:
        """Another server may answer a retry with the same key from this page, whatever its first caller was told."""
        return self.row["idempotency_key"] is not None


Settled = Callable[[Sequence[LogEntry]], None]
"""Told of entries that are DURABLE, FAILED or REPEATED now, on the log's thread: return soon, and raise nothing."""


@dataclass(slots=True, kw_only=True)
class LogCounts:
    """What became of the pages since the log was opened; each is counted once under one of the first five.

    `failed`: they could not be written. `timed_out`: their caller gave up; they were withdrawn, deleted, or kept for
    retries with their key.
    `shed`: refused at once, since the queue was full, the log closed, or the database did not answer a moment ago.
    `repeated`: another page holds their idempotency key. `commits` counts groups.
    """

    committed: int = 0
    failed: int = 0
    timed_out: int = 0
    shed: int = 0
    repeated: int = 0
    commits: int = 0


class DecisionLog:
    """Takes pages; safe to call from any thread. `close` it to write what is waiting and to end its thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        capacity: int = CAPACITY,
        patience: float = PATIENCE_SECONDS,
        rest: float = REST_SECONDS,
    ) -> None:
        """`capacity` bounds the pages that wait.

        No page is taken for `rest` seconds after the database failed, nor while a commit takes longer than `patience`
        seconds.
        """
        self._engine = engine
        self._capacity, self._patience, self._rest = capacity, patience, rest
        self._offered: queue.SimpleQueue[tuple[Sequence[LogEntry], Settled] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._counts = LogCounts()
        self._waiting = 0
        self._closed = False
        self._rests_until = 0.0
        self.failing: str | None = None
        """Why the database did not take the latest pages; None while it takes them."""
        self._writing_since: float | None = None
        self._unwanted: list[PageId] = []  # pages to delete: written, or perhaps written, but never shown
        self._writer = threading.Thread(target=self._write_forever, name="decision-log", daemon=True)
        self._writer.start()

    def offer(self, entries: Sequence[LogEntry], *, settled: Settled) -> Sequence[LogEntry]:
        """Let entries be written, and return those that are refused at once; returns without waiting.

        `settled` is told of the others, but for those that are given up.
        """
        with self._lock:
            room = self._capacity - self._waiting if self._answers() else 0
            taken, refused = entries[:room], entries[room:]
            self._counts.shed += len(refused)
            self._waiting += len(taken)
            if taken:
                self._offered.put((taken, settled))
        return refused

    def give_up(self, entry: LogEntry) -> bool:
        """Stop waiting for an entry, and tell whether it is durable after all.

        If not, it is not in the log and will not stay in it (a crash in that moment excepted, and a page with a key):
        answer with default artworks and `logged: false`.
        """
        with self._lock:
            if entry.fate is Fate.WAITING:
                entry.fate = Fate.WITHDRAWN
                self._counts.timed_out += 1
            elif entry.fate is Fate.WRITING:
                entry.unawaited = True
            return entry.fate is Fate.DURABLE

    def counts(self) -> LogCounts:
        """Return the counts as they are now."""
        with self._lock:
            return LogCounts(**{name: getattr(self._counts, name) for name in LogCounts.__slots__})

    def waiting(self) -> int:
        """Return how many pages wait to be written."""
        return self._waiting

    def load(self) -> float:
        """Return how full the queue is, from 0 to 1."""
        return self._waiting / self._capacity

    def close(self) -> None:
        """Write what waits, then end the thread; later pages are shed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._offered.put(None)
        self._writer.join()

    def _answers(self) -> bool:
        """Whether a page that is taken now may soon be durable."""
        now, since = time.monotonic(), self._writing_since
        return not self._closed and now >= self._rests_until and (since is None or now - since < self._patience)

    def _write_forever(self) -> None:
        last = False
        while not last:
            offers, last = self._next_offers()
            begun = [(self._begin(entries), settled) for entries, settled in offers]
            group = [entry for entries, _ in begun for entry in entries]
            if group or self._unwanted:
                self._write(group)
            for entries, settled in begun:
                _tell(settled, entries)
        if self._unwanted:  # given up while the last of them were written
            self._write([])

    def _next_offers(self) -> tuple[list[tuple[Sequence[LogEntry], Settled]], bool]:
        """Wait for pages, and take what else waits; the second value tells that the log is closed and this the end."""
        offers: list[tuple[Sequence[LogEntry], Settled]] = []
        count = 0
        try:
            offer = self._offered.get(timeout=TIDY_SECONDS if self._unwanted else None)
            while offer is not None:
                offers.append(offer)
                count += len(offer[0])
                if count >= PAGES_A_COMMIT:
                    return offers, False
                offer = self._offered.get_nowait()
        except queue.Empty:
            return offers, False
        return offers, True

    def _begin(self, entries: Sequence[LogEntry]) -> list[LogEntry]:
        with self._lock:
            self._waiting -= len(entries)
            begun = [entry for entry in entries if entry.fate is Fate.WAITING]
            for entry in begun:
                entry.fate = Fate.WRITING
        return begun

    def _write(self, group: Sequence[LogEntry]) -> None:
        try:
            repeated = self._commit(group)
        except StorageUnavailable as error:
            self._rests_until = time.monotonic() + self._rest
            self.failing = f"The latest pages could not be written. {error}"
            if group:
                logger.warning("%d pages could not be logged: %s", len(group), error)
            self._settle(group, Fate.FAILED)
        except Exception:  # whatever one page brings, the thread must live on for the others
            if len(group) > 1:
                for entry in group:
                    self._write([entry])
            else:
                logger.exception("a page could not be logged")
                self._settle(group, Fate.FAILED)
        else:
            self.failing = None
            self._settle([entry for entry in group if entry.page not in repeated], Fate.DURABLE)
            self._settle([entry for entry in group if entry.page in repeated], Fate.REPEATED)

    def _commit(self, group: Sequence[LogEntry]) -> set[PageId]:
        """Write a group, delete what is unwanted, and return the pages whose key another page holds."""
        unwanted, self._unwanted = self._unwanted, []
        committing = False
        try:
            with self._timed(), transaction(self._engine) as connection:
                remove_pages(connection, unwanted)
                repeated = _insert(connection, group) if group else set[PageId]()
                committing = True
        except Exception:
            self._unwanted.extend(unwanted)
            if committing:  # it failed, but it may have reached the disk: nobody can tell
                self._unwanted.extend(entry.page for entry in group if not entry.repeatable)
            raise
        return repeated

    @contextmanager
    def _timed(self) -> Generator[None]:
        self._writing_since = time.monotonic()
        try:
            yield
        finally:
            self._writing_since = None

    def _settle(self, group: Sequence[LogEntry], fate: Fate) -> None:
        """Give entries their fate. Those that were given up meanwhile are deleted if they were written."""
        with self._lock:
            awaited = 0
            for entry in group:
                entry.fate = fate
                awaited += not entry.unawaited
            late = [entry for entry in group if entry.unawaited]
            self._counts.timed_out += len(late)
            if fate is Fate.DURABLE:
                self._unwanted.extend(entry.page for entry in late if not entry.repeatable)
                self._counts.commits += bool(group)
                self._counts.committed += awaited
            elif fate is Fate.FAILED:
                self._counts.failed += awaited
            else:
                self._counts.repeated += awaited


def _tell(settled: Settled, entries: Sequence[LogEntry]) -> None:
    awaited = [entry for entry in entries if not entry.unawaited]
    if not awaited:
        return
    try:
        settled(awaited)
    except Exception:  # the thread must live on for the others
        logger.exception("pages were logged, and nobody could be told")


_COLUMNS = (
    "page",
    "at",
    "viewer",
    "policy",
    "embedding_version",
    "foundation_version",
    "slots",
    "body",
    "idempotency_key",
    "request_digest",
    "response",
)


def _insert(connection: Connection, group: Sequence[LogEntry]) -> set[PageId]:
    """In the order of the keys, so that two servers with the same ones wait for each other in one order only."""
    rows = [
        (entry.row["page"], stamp(connection, entry.row["at"]), *[entry.row[name] for name in _COLUMNS[2:]])
        for entry in sorted(group, key=lambda entry: entry.row["idempotency_key"] or "")
    ]
    insert_many(connection, pages, _COLUMNS, rows=rows, conflict="ON CONFLICT (idempotency_key) DO NOTHING")
    repeated = _repeated(connection, group)
    new = (entry.row for entry in group if entry.page not in repeated)
    admit(connection, [NewPage(row["page"], row["at"], row["slots"]) for row in new])
    return repeated


def _repeated(connection: Connection, group: Sequence[LogEntry]) -> set[PageId]:
    asked = {entry.row["idempotency_key"] for entry in group} - {None}
    if not asked:
        return set[PageId]()
    kept = select(pages.c.page, pages.c.idempotency_key).where(pages.c.idempotency_key.in_(asked))
    holders = {page for page, _ in connection.execute(kept)}
    return {entry.page for entry in group if entry.row["idempotency_key"] and entry.page not in holders}
