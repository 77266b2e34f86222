"""Runs the learning process to its end, whatever end it takes. Knows no rows and no model."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import bandit
from bandit.errors import LearningFailed

APPRENTICE = ("-m", "bandit.apprentice")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Sums of several threads may be rounded in another order each time, and learning is a function."""


def run_apprentice(
    folder: str,
    *,
    timeout: float,
    progress: Callable[[float], None] | None,
    apprentice: Sequence[str] | None = None,
) -> None:
    """Let a process of its own learn what the spool in `folder` asks for, passing on its progress.

    `apprentice` is what Python is told to run, with the folder behind it; without it, the learner of versions.

    Raises:
        LearningFailed: it died, or ran longer than `timeout` seconds.
    """
    home = str(Path(bandit.__file__).resolve().parent.parent)
    environment = os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join([home, *sys.path])}
    command = [sys.executable, *(apprentice or APPRENTICE), folder]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process,  # noqa: S603
    ):
        watch = threading.Timer(timeout, process.kill)
        watch.start()
        try:
            for line in process.stdout or ():
                if progress is not None:
                    progress(float(line))
            code = process.wait()
        finally:
            watch.cancel()
            process.kill()
        if code:
            errors.seek(0)
            raise LearningFailed(_how_it_ended(code, errors.read(), timeout=timeout))


def _how_it_ended(code: int, errors: str, *, timeout: float) -> str:
    last = errors.strip().splitlines()[-1:] or ["no message"]
    return (
        f"the learning process ended with code {code} ({last[0]}); nothing was changed; it may run {timeout:.0f} s: "
        "see that memory, disk and time suffice, then learn again"
    )
