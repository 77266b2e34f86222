"""HTTP/1.1 connections of one load, driven by one thread over epoll: many in flight, a few microseconds each.

Knows neither rates nor routes. Answers must carry a Content-Length; of a body only the length is kept.
"""

import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

RECEIVE_BYTES = 1 << 18
IDLE_SECONDS = 2.0
"""A connection that idled longer is not used again: the server may be closing it (uvicorn does after five seconds)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of request `number`: HTTP status (0: the connection broke), body length, moment of its last byte."""

    number: int
    status: int
    length: int
    at: float


class _Connection:
    """One socket with at most one request in flight."""

    __slots__ = ("head", "idle_since", "length", "missing", "number", "socket", "status", "unsent")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(address)  # it goes on by itself; what is unsent goes out once it is there
        self.idle_since = 0.0
        self.unsent = memoryview(b"")
        self.expect(-1)

    def expect(self, number: int) -> None:
        self.number, self.status, self.length, self.missing, self.head = number, 0, 0, -1, b""

    def push(self) -> None:
        """Send what the kernel takes of the request."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return

    def pull(self) -> bool:
        """Receive what is there and tell whether the answer is whole.

        Raises:
            OSError: the connection broke before that.
        """
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionResetError("the server closed the connection")
        if self.missing < 0:
            self.head += data
            head, found, data = self.head.partition(b"\r\n\r\n")
            if not found:
                return False
            self.status, self.length = _status_and_length(head)
            self.missing = self.length
        self.missing -= len(data)
        return self.missing <= 0


class Connections:
    """Up to `limit` connections to one server, opened as they are needed; the one used last is used next."""

    def __init__(self, host: str, port: int, *, limit: int) -> None:
        self._address = (socket.gethostbyname(host), port)
        self._limit = limit
        self._poll = select.epoll()
        self._all: dict[int, _Connection] = {}
        self._idle: list[_Connection] = []

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return len(self._all) - len(self._idle)

    def free(self) -> bool:
        """Tell whether another request can be sent now."""
        return self.in_flight < self._limit

    def send(self, number: int, request: bytes) -> None:
        """Begin a request; its `Answer` comes out of `wait`. Look at `free` before."""
        connection = self._take()
        connection.expect(number)
        connection.unsent = memoryview(request)
        with suppress(OSError):  # the next `wait` meets a broken socket and says so
            connection.push()
        if connection.unsent:
            self._poll.modify(connection.socket, select.EPOLLIN | select.EPOLLOUT)

    def wait(self, seconds: float) -> list[Answer]:
        """Return the answers that became whole within `seconds`, at once when there is one."""
        # epoll counts in milliseconds; select on the epoll itself counts in microseconds.
        if seconds > 0:
            select.select([self._poll], [], [], seconds)
        answers: list[Answer] = []
        for handle, mask in self._poll.poll(0):
            answer = self._serve(self._all[handle], mask)
            if answer is not None:
                answers.append(answer)
        return answers

    def close(self) -> None:
        """Close all, in flight or not."""
        for connection in list(self._all.values()):
            self._drop(connection)
        self._poll.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> _Connection:
        oldest_usable = time.perf_counter() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since > oldest_usable:
                return connection
            self._drop(connection)
        connection = _Connection(self._address)
        self._all[connection.socket.fileno()] = connection
        self._poll.register(connection.socket, select.EPOLLIN)
        return connection

    def _serve(self, connection: _Connection, mask: int) -> Answer | None:
        try:
            if mask & select.EPOLLOUT and connection.unsent:
                connection.push()
                if not connection.unsent:
                    self._poll.modify(connection.socket, select.EPOLLIN)
            if mask & ~select.EPOLLOUT == 0 or not connection.pull():
                return None
        except OSError:
            return self._broken(connection)
        connection.idle_since = time.perf_counter()
        self._idle.append(connection)
        return Answer(connection.number, connection.status, connection.length, connection.idle_since)

    def _broken(self, connection: _Connection) -> Answer | None:
        idle = connection in self._idle
        if idle:
            self._idle.remove(connection)
        self._drop(connection)
        return None if idle else Answer(connection.number, 0, 0, time.perf_counter())

    def _drop(self, connection: _Connection) -> None:
        del self._all[connection.socket.fileno()]
        self._poll.unregister(connection.socket)
        connection.socket.close()


def _status_and_length(head: bytes) -> tuple[int, int]:
    _, found, rest = head.lower().partition(b"content-length:")
    if not found:
        raise ConnectionError("The answer has no Content-Length, so its end cannot be told.")
    return int(head.split(b" ", 2)[1]), int(rest.split(b"\r\n", 1)[0])
