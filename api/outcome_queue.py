"""Outcomes recorded in a page render and reported in the background: nothing waits, and what is lost is counted.

It knows no wire: it is handed what reports (`KeyartClient.report`). Copied into another code base, it goes beside
`client_pages.py`.
"""

import logging
import os
import secrets
import threading
import time
import uuid
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Self

from api.client_pages import Reported, ReportedOutcome

logger = logging.getLogger(__name__)

Report = Callable[[Sequence[ReportedOutcome]], Reported]

LONGEST_PAUSE_SECONDS = 30.0
_SPOILED = (400, 413, 422)
_ONCE = ("seen", "hovered")
_CHANCE = secrets.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """How outcomes wait; times in seconds.

    At most `waiting` of them do: one more is dropped. They leave when `batch` are together, or `every` so often.
    `exit_within` is how long a close, or the end of the process, may take to report what is left; the rest is dropped.
    """

    waiting: int = 10_000
    batch: int = 500
    every: float = 1.0
    exit_within: float = 2.0


class OutcomeQueue:
    """Safe to use from any thread. A forked child begins with an empty queue: what waits stays the parent's.

    It closes at the end of the process (`atexit`); close it yourself where a process ends without that, as a child of
    `multiprocessing` does, or on a signal that nobody handles.
    """

    def __init__(self, report: Report, options: QueueOptions | None = None) -> None:
        self._report, self._options = report, options or QueueOptions()
        self._open()
        os.register_at_fork(after_in_child=partial(_open_again, weakref.ref(self)))

    def _open(self) -> None:
        self._sender = _Sender(self._report, self._options)
        self._closer = weakref.finalize(self, self._sender.flush, self._options.exit_within, closing=True)

    def record(
        self,
        decision: str | None,
        kind: str,
        *,
        at: datetime | None = None,
        seconds: float | None = None,
        of_seconds: float | None = None,
        event: str | None = None,
    ) -> str | None:
        """Take an outcome and return its event id at once; with a `decision` of None there is nothing to take.

        The id stays the same however often the report is repeated. `seen` and `hovered` happen to a decision once, so
        their id derives from it; other kinds get a new one, unless `event` is given. `at` is by default
        now, and of this machine's time zone where it names none.
        """
        if decision is None:
            return None
        made = f"{decision}-{kind}" if kind in _ONCE else uuid.uuid4().hex
        outcome = ReportedOutcome(
            event=event or made,
            decision=decision,
            kind=kind,
            at=_with_offset(at or datetime.now(UTC)).isoformat(),
            seconds=seconds,
            of_seconds=of_seconds,
        )
        self._sender.put(outcome)
        return outcome.event

    def flush(self, seconds: float = 5.0) -> bool:
        """Report what waits now and tell whether all of it was taken within `seconds`."""
        return self._sender.flush(seconds)

    def counts(self) -> dict[str, int]:
        """Every outcome `recorded` is one of `delivered`, `dropped` (no room, no time), `refused` and `waiting`."""
        return self._sender.counts()

    def close(self) -> None:
        """Report what waits, for at most `exit_within`; what is recorded later is dropped."""
        self._closer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _with_offset(at: datetime) -> datetime:
    """A time without an offset is taken to be that of this machine, as Python does."""
    return at.astimezone() if at.tzinfo is None else at


class _Sender:
    """The queue and its thread, which knows nothing of the object that the caller holds: that may be collected."""

    def __init__(self, report: Report, options: QueueOptions) -> None:
        self._report, self._options = report, options
        self._queue, self._changed = deque[ReportedOutcome](), threading.Condition()
        self._counts, self._size, self._failures = Counter[str](), options.batch, 0
        self._hurry, self._closing = False, False
        self._thread: threading.Thread | None = None

    def put(self, outcome: ReportedOutcome) -> None:
        with self._changed:
            self._counts["recorded"] += 1
            if self._closing or len(self._queue) >= self._options.waiting:
                self._counts["dropped"] += 1
                return
            self._queue.append(outcome)
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_forever, name="keyart-outcomes", daemon=True)
                self._thread.start()
            if len(self._queue) in (1, self._options.batch):
                self._changed.notify_all()

    def flush(self, seconds: float, *, closing: bool = False) -> bool:
        with self._changed:
            self._hurry, self._closing = True, self._closing or closing
            self._changed.notify_all()
            gone = self._changed.wait_for(lambda: not self._queue, timeout=seconds)
            if closing and not gone:
                logger.warning("%d outcomes were not taken in time and are dropped", len(self._queue))
                self._take(len(self._queue), dropped=len(self._queue))
            return gone

    def counts(self) -> dict[str, int]:
        with self._changed:
            fates = {name: self._counts[name] for name in ("recorded", "delivered", "dropped", "refused")}
            return {**fates, "waiting": len(self._queue)}

    def _send_forever(self) -> None:
        while batch := self._next_batch():
            try:
                reported = self._report(batch)
            except Exception as error:
                reported = Reported(error=str(error) or type(error).__name__)  # the thread outlives whatever it meets
            if reported.error is None:
                self._delivered(batch, reported)
            elif reported.status in _SPOILED:
                self._spoiled(batch, reported.error)
            else:
                self._wait(reported)

    def _next_batch(self) -> list[ReportedOutcome]:
        """Wait for outcomes and copy the first ones; they stay until they are taken. Empty: the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            full = self._options.batch
            self._changed.wait_for(lambda: len(self._queue) >= full or self._hurry, timeout=self._options.every)
            return list(islice(self._queue, self._size))

    def _delivered(self, batch: Sequence[ReportedOutcome], reported: Reported) -> None:
        refused = len(reported.rejected)
        if refused:
            logger.warning(
                "%d outcomes were rejected, the first because: %s", refused, reported.rejected[0].get("reason")
            )
        self._take(len(batch), delivered=len(batch) - refused, refused=refused)
        self._size, self._failures = min(2 * self._size, self._options.batch), 0

    def _spoiled(self, batch: Sequence[ReportedOutcome], why: str) -> None:
        """One of them cannot be taken, and the server takes all or none: halve until it stands alone."""
        self._size = max(1, len(batch) // 2)
        if len(batch) == 1:
            logger.warning("an outcome was refused: %s", why)
            self._take(1, refused=1)

    def _wait(self, reported: Reported) -> None:
        self._failures += 1
        drawn = _CHANCE.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.1 * 2 ** min(self._failures, 10)))
        pause = max(reported.retry_after or 0.0, drawn)
        with self._changed:
            # Who closes has no time for long pauses, but a server that is down is not to be asked without any.
            if not self._changed.wait_for(lambda: self._closing, timeout=pause):
                return
        time.sleep(min(pause, 0.05))

    def _take(self, number: int, **fates: int) -> None:
        with self._changed:
            there = min(number, len(self._queue))  # a close may have dropped them meanwhile
            for _ in range(there):
                self._queue.popleft()
            if there:
                self._counts.update(fates)
            if not self._queue:
                self._hurry = self._closing
                self._changed.notify_all()


def _open_again(reference: "weakref.ref[OutcomeQueue]") -> None:
    """In a forked child: the parent's thread and locks are of no use here, and its outcomes are its own."""
    found = reference()
    if found is not None:
        found._closer.detach()  # pyright: ignore[reportPrivateUsage]
        found._open()  # pyright: ignore[reportPrivateUsage]
