"""An event loop on a thread of its own, so that whoever knows no asyncio can wait for it, and no longer than they want.

Knows nothing of what it runs.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")
END_SECONDS = 1.0


class LoopThread:
    """Starts when it is first needed, and ends with `close`. Its thread never keeps a process from ending."""

    def __init__(self, name: str) -> None:
        self._name, self._starting = name, threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def run(self, work: Callable[[], Coroutine[Any, Any, T]], *, seconds: float) -> T:
        """Run what `work` makes and return what it returns.

        Raises:
            TimeoutError: it took longer; it is cancelled.
            RuntimeError: the thread was closed, or cannot be started any more.
        """
        loop = self._running()
        made = work()
        try:
            waiting = asyncio.run_coroutine_threadsafe(made, loop)
        except RuntimeError:
            made.close()
            raise
        try:
            return waiting.result(seconds)
        finally:
            waiting.cancel()

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `last` and end the loop; what is under way is cancelled."""
        with self._starting:
            loop, self._closed = self._loop, True
        if loop is None or loop.is_closed():
            return
        with contextlib.suppress(TimeoutError, RuntimeError):
            asyncio.run_coroutine_threadsafe(_ended(last), loop).result(END_SECONDS)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._closed:
                raise RuntimeError("the client was closed")
            if self._loop is None:
                loop = _Loop()
                threading.Thread(target=_run, args=(loop,), name=self._name, daemon=True).start()
                self._loop = loop
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _ended(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    under_way = asyncio.all_tasks() - {asyncio.current_task()}
    for each in under_way:
        each.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    await last()


class _Loop(asyncio.SelectorEventLoop):
    """Looks names up on threads of its own.

    asyncio's take no work once the interpreter ends, which is when the last outcomes leave, and would keep it from
    ending until the last look-up has come to its end.
    """

    async def getaddrinfo(self, host: Any, port: Any, **how: int) -> Any:
        found: asyncio.Future[Any] = self.create_future()

        def tell(result: Any, error: Exception | None) -> None:
            if not found.done():
                found.set_result(result) if error is None else found.set_exception(error)

        def look() -> None:
            result: Any = None
            error: Exception | None = None
            try:
                result = socket.getaddrinfo(host, port, **how)
            except Exception as failure:  # OSError, or UnicodeError for what is no name
                error = failure
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self.call_soon_threadsafe(tell, result, error)

        try:
            threading.Thread(target=look, name="keyart-name", daemon=True).start()
        except RuntimeError:  # Python 3.12 and later start no thread at the end
            look()
        return await found
