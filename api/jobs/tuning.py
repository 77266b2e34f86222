"""Plays Worlds in a few processes, each with one thread for linear algebra. Knows no settings and no search."""

import os
import signal
import threading
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process

from api.errors import Unavailable
from bandit.tuning.playing import Run, Score, play_run
from bandit.tuning.search import Player

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
"""Sums of several threads may be rounded in another order each time, and a search finds the same each time."""


@contextmanager
def players(jobs: int) -> Generator[Player]:
    """Yield what plays runs in so many processes; how many makes no difference to what comes of them.

    Raises:
        Unavailable: a process died.
    """
    # Even one job has a process of its own: how many threads this one has was settled when it started.
    with _environment(_ONE_THREAD), ProcessPoolExecutor(jobs, get_context("spawn"), _live_with_the_parent) as pool:

        def play(runs: Sequence[Run]) -> Iterable[Score]:
            try:
                yield from pool.map(play_run, runs)
            except BrokenProcessPool as error:
                message = "A process that played a World died."
                raise Unavailable(message, "See that there is memory for all of them, or give fewer --jobs.") from error

        try:
            yield play
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


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
