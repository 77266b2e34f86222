"""How a server leaves: SIGTERM first makes it say that it is not ready, and only a while later lets it end.

So a load balancer stops sending before the port closes, and no request meets a closed one. Knows no route.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)


class Draining:
    """Whether this server is leaving; `begin` makes it so."""

    def __init__(self) -> None:
        self._begun = False

    def __call__(self) -> bool:
        """Tell whether it is leaving."""
        return self._begun

    def begin(self) -> None:
        """Say from now on that it is."""
        self._begun = True


@contextmanager
def draining_on_sigterm(draining: Draining, *, seconds: float) -> Generator[None]:
    """Within the block, SIGTERM begins the draining, and what handled it before is called `seconds` later.

    A second SIGTERM is handed on at once. Outside of a process's main thread, where no signal arrives, nothing happens.
    Must be entered on the running loop of the server.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)

    def hand_on(number: int, frame: FrameType | None) -> None:
        if callable(before):
            before(number, frame)

    def leave(number: int, frame: FrameType | None) -> None:
        if draining() or not callable(before):
            hand_on(number, frame)
            return
        draining.begin()
        loop.call_soon_threadsafe(loop.call_later, seconds, hand_on, number, frame)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
