"""Faults of the machine, put around a process: failing system calls, a file that may not grow, a full disk, a clock.

Each says why it cannot be had here, so that a test skips with a reason.
"""

import importlib.util
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.server import Surroundings


def failing_calls(calls: str, *, error: str, when: str) -> Surroundings:
    """Let some of the named system calls of a process fail with `error`; `when` is as strace has it (`5+20`).

    The tracer is the process's grandchild, so that the process has the id that it is killed by.
    """
    _needs_strace()
    inject = f"inject={calls}:error={error}:when={when}"
    command = ("strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject)
    return Surroundings(command=command)


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
    """The wall clock of processes, moved while they run; the monotonic one goes on. By libfaketime."""

    def __init__(self, folder: Path) -> None:
        found = importlib.util.find_spec("libfaketime")
        if found is None or found.origin is None:
            pytest.skip("libfaketime is not installed, so no clock can be moved")
        self._library = Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
        self._file = folder / "clock"
        self.move("+0")
        self._try()

    def move(self, by: str) -> None:
        """Move the clock of all its processes away from the true one: `+2d`, `-3h`, `+0`."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{by}\n")
        beside.replace(self._file)

    def around(self) -> Surroundings:
        """What a process needs to live by this clock."""
        return Surroundings(
            environment={
                "LD_PRELOAD": str(self._library),
                "FAKETIME_TIMESTAMP_FILE": str(self._file),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        )

    def _try(self) -> None:
        self.move("-10y")
        said = subprocess.run(
            ["date", "+%s"], env={**os.environ, **self.around().environment}, capture_output=True, text=True, timeout=20
        )
        true = subprocess.run(["date", "+%s"], capture_output=True, text=True, timeout=20)
        if said.returncode != 0 or int(true.stdout) - int(said.stdout) < 300_000_000:
            pytest.skip(f"libfaketime moves no clock here: {said.stderr.strip()}")
        self.move("+0")
