"""Plays Worlds in a few processes. Knows no settings and no search."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

from api.jobs.runners.pool import process_pool
from bandit.tuning.playing import Run, Score, play_run
from bandit.tuning.search import Player


@contextmanager
def players(jobs: int) -> Generator[Player]:
    """Yield what plays runs in so many processes; how many makes no difference to what comes of them.

    The player raises Unavailable when a process died.
    """
    with process_pool(jobs) as pool:

        def play(runs: Sequence[Run]) -> Iterable[Score]:
            return pool.run(play_run, runs)

        yield play
