"""Faults of the machine, put around a process: failing system calls, a file that may not grow, a full disk, a clock.

Each says why it cannot be had here, so that a test skips with a reason.
"""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.server import Surroundings


def failing_calls(calls: str, *, error: str, when: str, trace: Path) -> Surroundings:
    """Let some of the named system calls of a process fail with `error`; `when` is as strace has it (`5+20`).

    What was called is written to `trace`. The tracer is the process's grandchild, so that the process has the id that
    it is killed by.
    """
    _needs_strace()
    inject = f"inject={calls}:error={error}:when={when}"
    command = ("strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", str(trace), "-e", f"trace={calls}", "-e", inject)
    return Surroundings(command=command)


def injected(trace: Path) -> int:
    """How many calls were made to fail."""
    return trace.read_text(errors="replace").count("(INJECTED)")


def _needs_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed, so no system call can be made to fail")
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, text=True, timeout=20)
    if tried.returncode != 0:
        pytest.skip(f"strace cannot attach here: {tried.stderr.strip()}")


def files_no_larger_than(size: int) -> Surroundings:
    """Let no file of the process grow beyond `size` bytes: writes fail as on a disk that is broken in one place."""
    return Surroundings(prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)))


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes, mounted at `folder` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "keyart-test", str(folder)]
    try:
        done = subprocess.run(mounting, capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


class Clock:
    """The wall clock of processes, moved while they run; the monotonic one goes on. By a few lines of C (clock.c)."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("there is no C compiler, so no clock can be moved")
        self._library, self._file = folder / "clock.so", folder / "clock"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", self._library, source, "-ldl"], check=True, timeout=60
        )
        self.move(timedelta(0))
        self._try()

    def move(self, by: timedelta) -> None:
        """Move the clock of all its processes away from the true one."""
        moved = round(by.total_seconds()).to_bytes(8, sys.byteorder, signed=True)
        with self._file.open("r+b" if self._file.exists() else "w+b", buffering=0) as file:
            file.write(moved)

    def around(self) -> Surroundings:
        """What a process needs to live by this clock."""
        return Surroundings(environment={"LD_PRELOAD": str(self._library), "MOVED_CLOCK": str(self._file)})

    def _try(self) -> None:
        self.move(timedelta(days=-3650))
        told = subprocess.run(
            [sys.executable, "-c", "import datetime; print(datetime.datetime.now(datetime.UTC).isoformat())"],
            env={**os.environ, **self.around().environment},
            capture_output=True,
            text=True,
            timeout=20,
        )
        self.move(timedelta(0))
        if told.returncode != 0 or datetime.fromisoformat(told.stdout.strip()).year > datetime.now(UTC).year - 9:
            pytest.skip(f"the clock of a process cannot be moved here: {told.stderr.strip()}")
