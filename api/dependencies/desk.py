"""Where calls for pages wait for their answers: gathered, decided in groups on a thread of its own, logged, answered.

Pages that come together are decided together and made durable by one commit, so a page costs a fraction of what it
would cost alone. Each call has a time budget: when it is up, the page is withdrawn from the log and the caller gets
default artworks with `logged: false` (C1, C8). Knows no HTTP.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TimeIsUp

from api.dependencies.answers import Remembered
from api.dependencies.metrics import Metrics
from api.dependencies.pages import (
    Decided,
    Result,
    SelectCall,
    Serving,
    answer_again,
    check_calls,
    decide_calls,
    repeated_key,
    unlogged,
)
from api.dependencies.shadow import ShadowObserver
from api.dependencies.stages import Stage, note
from api.errors import KeyartError
from api.storage.decision_log import Fate, LogEntry
from bandit.sampling import warm_up

logger = logging.getLogger(__name__)

PAGES_A_GROUP = 32
"""So few that a page which comes while a group is being decided waits for some ten milliseconds at most."""


class _Ticket:
    """A call on its way to its answer. Its owner alone gives up; the desk's threads alone decide and settle."""

    __slots__ = ("again", "began", "call", "came", "chosen", "decided", "deliver", "given_up", "precomputed")

    def __init__(self, call: SelectCall, deliver: "_Deliver", *, precomputed: bool) -> None:
        self.call = call
        self.deliver = deliver
        self.precomputed = precomputed
        self.decided: Decided | None = None
        self.again: Fate | None = None
        self.given_up = False
        self.came = self.began = self.chosen = time.perf_counter()

    def stages(self) -> tuple[Stage, ...]:
        """What its time went to, up to now: to waiting for the group before, to deciding, to becoming durable."""
        return (
            Stage("select wait", self.came, self.began),
            Stage("select decide", self.began, self.chosen),
            Stage("select log", self.chosen, time.perf_counter()),
        )


_Deliver = tuple[asyncio.AbstractEventLoop | None, "asyncio.Future[Result] | Future[Result]"]


class PageDesk:
    """Answers calls for pages; safe to use from any thread and any event loop. `close` it before the log."""

    def __init__(self, serving: Serving, *, metrics: Metrics, shadow: ShadowObserver) -> None:
        self.serving = serving
        self._metrics = metrics
        self._shadow = shadow
        self._incoming: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._live: deque[_Ticket] = deque()
        self._later: deque[_Ticket] = deque()
        self._under_way: dict[tuple[int, str], tuple[str, asyncio.Task[bytes]]] = {}
        self._closed = threading.Event()
        warm_up()
        self._thread = threading.Thread(target=self._run, name="keyart-pages", daemon=True)
        self._thread.start()

    async def answered(self, call: SelectCall, *, precomputed: bool = False) -> bytes:
        """Return a page's answer within its budget, on an event loop. Pages that are precomputed let others go first.

        A call with the key of one that is being answered gets the answer of that one, whatever becomes of it (C2).

        Raises:
            KeyartError: the call asks for what does not exist, or repeats a key with another request.
        """
        if call.idempotency_key is None:
            return await self._answered(call, precomputed=precomputed)
        key, digest = (id(asyncio.get_running_loop()), call.idempotency_key), call.digest()
        under_way = self._under_way.get(key)
        if under_way is None:
            task = asyncio.create_task(self._answered(call, precomputed=precomputed))
            task.add_done_callback(lambda done: self._no_longer_under_way(key, done))
            under_way = self._under_way[key] = (digest, task)
        if under_way[0] != digest:
            raise repeated_key()
        return await asyncio.shield(under_way[1])

    def _no_longer_under_way(self, key: tuple[int, str], done: asyncio.Task[bytes]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # looked at, so that nobody is warned where every caller has gone away

    async def _answered(self, call: SelectCall, *, precomputed: bool) -> bytes:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        ticket = _Ticket(call, (loop, future), precomputed=precomputed)
        self._incoming.put(ticket)
        up = loop.call_later(call.budget, _time_is_up, future)
        try:
            result = await future
        except TimeIsUp:
            result = await loop.run_in_executor(None, self._too_late, ticket)
        finally:
            up.cancel()
        note(ticket.stages)
        return self._given(result)

    def answer(self, call: SelectCall) -> bytes:
        """Return a page's answer within its budget, waiting on this thread. Raises as `answered` does."""
        future: Future[Result] = Future()
        ticket = _Ticket(call, (None, future), precomputed=False)
        self._incoming.put(ticket)
        try:
            result = future.result(call.budget)
        except TimeIsUp:
            result = self._too_late(ticket)
        return self._given(result)

    def waiting(self) -> int:
        """Return how many calls wait to be decided, roughly."""
        return self._incoming.qsize() + len(self._live) + len(self._later)

    def check(self, calls: Sequence[SelectCall]) -> None:
        """Refuse calls of which one would be refused; see `api.dependencies.pages.check_calls`."""
        check_calls(self.serving, calls)

    def close(self) -> None:
        """Decide what waits, then end the thread. Closing twice is harmless."""
        if not self._closed.is_set():
            self._closed.set()
            self._incoming.put(None)
            self._thread.join()

    def _too_late(self, ticket: _Ticket) -> Result:
        """Withdraw a call whose time is up; if its page is durable after all, that is the answer."""
        ticket.given_up = True
        decided = ticket.decided
        if decided and decided.entry and self.serving.log.give_up(decided.entry):
            return decided.answer
        return self._unlogged(ticket)

    def _unlogged(self, ticket: _Ticket) -> Result:
        entry = ticket.decided.entry if ticket.decided else None
        return unlogged(self.serving, ticket.call, withdrawn=entry.page if entry else None)

    def _given(self, result: Result) -> bytes:
        """The answer that leaves. A page that is not logged is counted here: one for a call, whoever made it."""
        if isinstance(result, KeyartError):
            raise result
        if isinstance(result, Decided):
            self._metrics.issued([result.issued], logged=False)
            return result.answer
        return result

    def _remember(self, call: SelectCall, answer: bytes) -> None:
        """So that a retry is answered alike also while the database is away."""
        if call.idempotency_key is not None:
            self.serving.recent.keep(call.idempotency_key, Remembered(call.digest(), answer))

    def _run(self) -> None:
        while True:
            open_still = self._gather()
            group = self._next_group()
            if group:
                try:
                    self._work(group)
                except Exception:
                    # The thread must live on: whoever waits gets default artworks when their time is up.
                    logger.exception("%d pages could not be decided", len(group))
            elif not open_still:
                return

    def _gather(self) -> bool:
        """Take what came; wait for it if there is nothing to do. False: the desk is closed, and nothing more comes."""
        try:
            idle = not self._live and not self._later
            ticket = self._incoming.get(block=idle and not self._closed.is_set())
            while True:
                if ticket is not None:
                    (self._later if ticket.precomputed else self._live).append(ticket)
                ticket = self._incoming.get_nowait()
        except queue.Empty:
            return not self._closed.is_set()

    def _next_group(self) -> list[_Ticket]:
        waiting = self._live or self._later
        taken = [waiting.popleft() for _ in range(min(PAGES_A_GROUP, len(waiting)))]
        return [ticket for ticket in taken if not ticket.given_up]

    def _work(self, group: Sequence[_Ticket]) -> None:
        done: list[tuple[_Ticket, Result]] = []
        new = [ticket for ticket in group if ticket.again is None]
        began = time.perf_counter()
        for ticket in group:
            if ticket.again is Fate.REPEATED:
                done.append((ticket, answer_again(self.serving, ticket.call)))
            elif ticket.again is not None:
                done.append((ticket, self._unlogged(ticket)))
        late = [(began - ticket.came) / ticket.call.budget for ticket in new]
        decided = decide_calls(self.serving, [ticket.call for ticket in new], late=late)
        for ticket, result in zip(new, decided, strict=True):
            if isinstance(result, Decided) and result.entry is not None:
                ticket.decided = result
            else:
                done.append((ticket, result))
        self._time(new, began=began)
        done += [(ticket, self._unlogged(ticket)) for ticket in self._log([t for t in new if t.decided])]
        _deliver(done)

    def _time(self, group: Sequence[_Ticket], *, began: float) -> None:
        """Note when a group was decided; it is counted as a whole, with the wait of the one that waited longest."""
        chosen = time.perf_counter()
        for ticket in group:
            ticket.began, ticket.chosen = began, chosen
        came = [ticket.came for ticket in group if not ticket.precomputed]  # those that are may wait
        if came:
            self._metrics.stages["wait"].observe(began - min(came))
            self._metrics.stages["decide"].observe(chosen - began)

    def _log(self, tickets: Sequence[_Ticket]) -> list[_Ticket]:
        """Offer decided pages to the log, and return those that it refuses at once."""
        by_entry = {
            ticket.decided.entry: ticket
            for ticket in tickets
            if ticket.decided and ticket.decided.entry and not ticket.given_up
        }
        if not by_entry:
            return []
        refused = self.serving.log.offer([*by_entry], settled=lambda entries: self._settled(entries, by_entry))
        return [by_entry[entry] for entry in refused]

    def _settled(self, entries: Sequence[LogEntry], by_entry: dict[LogEntry, _Ticket]) -> None:
        """On the log's thread: answer what is durable, and let the desk look again at what is not."""
        done: list[tuple[_Ticket, Result]] = []
        for entry in entries:
            ticket = by_entry[entry]
            if entry.fate is Fate.DURABLE and ticket.decided:
                self._remember(ticket.call, ticket.decided.answer)
                done.append((ticket, ticket.decided.answer))
            else:
                ticket.again = entry.fate
                self._incoming.put(ticket)
        _deliver(done)
        self._metrics.stages["log"].observe(time.perf_counter() - min(by_entry[entry].chosen for entry in entries))
        logged = [ticket.decided for ticket, _ in done if ticket.decided]
        if logged:
            self._metrics.issued([decided.issued for decided in logged], logged=True)
        for decided in logged:
            if decided.entry:
                self._shadow.offer(decided.entry.page, decided.entry.row["body"], decided.catalogue)


def _time_is_up(future: "asyncio.Future[Result]") -> None:
    if not future.done():
        future.set_exception(TimeIsUp())


def _deliver(done: Sequence[tuple[_Ticket, Result]]) -> None:
    """Wake those who wait: one call into each event loop for all of its answers."""
    loops: dict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = {}
    for ticket, result in done:
        loop, future = ticket.deliver
        if loop is None:
            _set(future, result)
        else:
            loops.setdefault(loop, []).append(lambda future=future, result=result: _set(future, result))
    for loop, wakes in loops.items():
        try:
            loop.call_soon_threadsafe(_run_all, wakes)
        except RuntimeError:  # the loop ended, and whoever waited with it
            logger.debug("%d answers came after their server's end", len(wakes))


def _run_all(wakes: Sequence[Callable[[], None]]) -> None:
    for wake in wakes:
        wake()


def _set(future: "asyncio.Future[Result] | Future[Result]", result: Result) -> None:
    if not future.done():
        future.set_result(result)
