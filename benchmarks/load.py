"""A closed-loop load: a few connections, each sending its next request when it has its answer.

Good for throughput. It hides stalls, so no latency percentiles are taken from it; `open_loop.py` gives those.
"""

import time
from collections.abc import Callable

from benchmarks.connections import Connections
from benchmarks.serving import LOAD_CORE, Target, on_cores

CONNECTIONS = 64
"""Enough that a server is busy all the time, also while pages wait for the disk."""


def throughput(
    target: Target, body_of: Callable[[int], bytes], *, seconds: float, connections: int = CONNECTIONS
) -> tuple[float, int]:
    """Post from `LOAD_CORE` for `seconds`; return answers a second and the length of the last answer's body, in bytes.

    `body_of(n)` is the body of the n-th request.

    Raises:
        RuntimeError: an answer is not 200.
    """
    with on_cores(LOAD_CORE), Connections("127.0.0.1", target.port, limit=connections) as open_ones:
        began = time.perf_counter()
        sent = answered = length = 0
        while (now := time.perf_counter()) < began + seconds:
            while open_ones.free():
                open_ones.send(sent, target.request(body_of(sent)))
                sent += 1
            for answer in open_ones.wait(began + seconds - now):
                if answer.status != 200:
                    raise RuntimeError(f"{target.path} answered {answer.status or 'nothing'}.")
                answered, length = answered + 1, answer.length
        return answered / (time.perf_counter() - began), length
