"""Runs jobs in a few processes of this machine, each with one thread for linear algebra. Knows no job."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import TypeVar, final

from api.errors import Unavailable

Job = TypeVar("Job")
Result = TypeVar("Result")

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
"""Sums of several threads may be rounded in another order each time, and a job gives the same each time."""
_AHEAD = 2
"""Jobs a process that are handed out before the first result is taken: none idles, and few results wait in memory."""


@final
class Pool:
    """A `bandit.ope.runner.Runner` over processes; made by `process_pool`."""

    def __init__(self, executor: ProcessPoolExecutor, *, processes: int) -> None:
        self._executor = executor
        self._ahead = _AHEAD * processes

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """See `bandit.ope.runner.Runner.run`.

        Raises:
            Unavailable: a process died.
        """
        waiting: deque[Future[Result]] = deque()
        coming = iter(jobs)
        try:
            waiting.extend(self._executor.submit(function, job) for job in islice(coming, self._ahead))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(self._executor.submit(function, job) for job in islice(coming, 1))
        except BrokenProcessPool as error:
            message = "A process that did a part of the work died."
            raise Unavailable(message, "See that there is memory for all of them, or give fewer --jobs.") from error
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def process_pool(processes: int) -> Generator[Pool]:
    """Yield what runs jobs in so many processes; how many makes no difference to what comes of them."""
    # Even one job has a process of its own: how many threads this one has was settled when it started.
    with (
        _environment(_ONE_THREAD),
        ProcessPoolExecutor(processes, get_context("spawn"), _live_with_the_parent) as executor,
    ):
        try:
            yield Pool(executor, processes=processes)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _environment(values: dict[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ |= values
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _live_with_the_parent() -> None:
    """End without a word when the terminal interrupts, and when the parent is gone: a worker would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
