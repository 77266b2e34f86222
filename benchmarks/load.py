"""A closed-loop load over raw sockets: a few connections, each sending its next request when it has its answer.

Good for throughput. It hides stalls, so no latency percentiles are taken from it.
"""

import socket
import threading
import time
from collections.abc import Callable

CONNECTIONS = 8


def throughput(port: int, body_of: Callable[[int], bytes], *, path: str, seconds: float) -> tuple[float, int]:
    """Post for `seconds` and return answers a second and the size of the last answer's body, in bytes.

    `body_of(n)` is the body of the n-th request of a connection.

    Raises:
        RuntimeError: an answer is not 200.
    """
    ending = time.perf_counter() + seconds
    counts, sizes, errors = [0] * CONNECTIONS, [0] * CONNECTIONS, list[str]()

    def drive(index: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.perf_counter() < ending:
                connection.sendall(_request(path, body_of(counts[index] * CONNECTIONS + index)))
                status, sizes[index] = _answer(connection)
                if status != 200:
                    errors.append(f"{path} answered {status}")
                    return
                counts[index] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=drive, args=(index,)) for index in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise RuntimeError(errors[0])
    return sum(counts) / (time.perf_counter() - began), sizes[0]


def _request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def _answer(connection: socket.socket) -> tuple[int, int]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    missing = length - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
    return int(head.split(b" ", 2)[1]), length
