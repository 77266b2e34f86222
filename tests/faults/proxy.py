"""A TCP proxy before a database that can cut its connections, swallow what is sent, or delay it. Knows no protocol."""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

CHUNK = 65536


class Proxy:
    """Listens on a loopback port and passes every connection on to a unix socket, as well as it is told to."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._passing = threading.Event()
        self._passing.set()
        self._cut = False
        self._delay = 0.0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ended = False

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        with socket.create_connection(("127.0.0.1", self.port)):
            pass  # wakes the thread that accepts
        self.cut()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def cut(self) -> None:
        """Break every connection, and new ones as soon as they come."""
        self._cut = True
        self._passing.set()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def swallow(self) -> None:
        """Take everything and deliver nothing, without a word: a network that is gone, a database that hangs."""
        self._passing.clear()

    def delay(self, seconds: float) -> None:
        """Deliver every piece so much later, in both directions."""
        self._delay = seconds

    def heal(self) -> None:
        """Pass everything on at once again, and first what was swallowed."""
        self._cut, self._delay = False, 0.0
        self._passing.set()

    def _accept(self) -> None:
        while True:
            caller, _ = self._listener.accept()
            if self._ended or self._cut:
                caller.close()
                if self._ended:
                    return
                continue
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            database = socket.socket(socket.AF_UNIX)
            database.connect(self._upstream)
            self._open |= {caller, database}
            self._start(self._pass, caller, database)
            self._start(self._pass, database, caller)

    def _start(self, target: object, *ends: socket.socket) -> None:
        thread = threading.Thread(target=target, args=ends, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        """Pass on until either end closes; whoever ends second closes both."""
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._passing.wait()
                if self._delay:
                    time.sleep(self._delay)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        if source in self._open and target in self._open:
            self._open.discard(source)
        else:
            self._open.discard(target)
            source.close()
            target.close()
