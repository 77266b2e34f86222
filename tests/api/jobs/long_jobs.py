"""Jobs for the tests of long work, in a module of their own: the process that runs one imports little."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from api.jobs.apart import Run
from api.jobs.holding import Holdings
from api.jobs.long_work import LongWork
from api.jobs.schedule import Report, ScheduledJob, Turn
from api.settings import load_settings
from api.storage.database import open_engine

HOURLY = timedelta(hours=1)


def tell(turn: Turn, word: str) -> None:
    with (turn.settings.home / "told").open("a") as told:
        told.write(f"{word}\n")


def quick(turn: Turn) -> Report:
    tell(turn, "quick")
    return Report("done", {"runs": turn.memory.get("runs", 0) + 1})


def long(turn: Turn) -> Report:
    """Ends once the file `enough` is there."""
    tell(turn, f"begun-{os.getpid()}")
    while not (turn.settings.home / "enough").exists():
        time.sleep(0.02)
    tell(turn, "ended")
    return Report("done")


def breaks(turn: Turn) -> Report:
    raise ZeroDivisionError("no luck")


def dies(turn: Turn) -> Report:
    os.kill(os.getpid(), signal.SIGKILL)
    return Report("never")


def job(run: Run, name: str = "job", **more: Any) -> ScheduledJob:
    return ScheduledJob(name=name, every=lambda _: HOURLY, run=run, **more)


@contextmanager
def working(home: Path, *jobs: ScheduledJob, lease_seconds: float = 30.0) -> Iterator[LongWork]:
    """A worker's long work on an installation's database."""
    settings = load_settings(home=home)
    engine = open_engine(settings.database_url)
    holdings = Holdings(engine, lease_seconds=lease_seconds, beat_seconds=lease_seconds / 6)
    work = LongWork(settings, engine, holdings, jobs)
    work.plan()
    try:
        yield work
    finally:
        work.close()
        holdings.close()
        engine.dispose()
