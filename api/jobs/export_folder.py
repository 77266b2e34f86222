"""A folder of exports: where the worker's is, and one writer in it at a time. Knows no row and no viewer."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from api.settings import Settings

EXPORTS = "exports"
"""The folder in KEYART_HOME that the worker exports to."""

ABANDONED_SECONDS = 600.0
"""A draft that nobody has written to for so long is one of a process that died."""


def exports_of(settings: Settings) -> Path:
    """Return the folder that the worker exports into."""
    return settings.home / EXPORTS


@contextmanager
def held(folder: Path) -> Generator[bool]:
    """Be the only one who writes into a folder; waits for whoever does, and is let go when its holder dies.

    So an erasure finds every file whole that was made from rows which it removed since. Disks that know no locks of
    folders, as some in networks, are written without one; it yields whether there was one.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def draft_of(path: Path) -> Path:
    """Return what a file is called while this process writes it: hidden, so readers of the folder pass over it."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def remove_drafts(folder: Path, *, alone: bool) -> None:
    """Remove the drafts of processes that died, within `held`: every one there is if it let us be `alone`."""
    for draft in folder.glob(".*.parquet.*"):
        try:
            # the disk's clock wrote what it is compared with
            if alone or time.time() - draft.stat().st_mtime > ABANDONED_SECONDS:
                draft.unlink()
        except FileNotFoundError:  # it became a whole file meanwhile
            continue


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
