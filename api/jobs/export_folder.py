"""A folder of exports: where the worker's is, and one writer in it at a time. Knows no row and no viewer."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from api.settings import Settings

EXPORTS = "exports"
"""The folder in KEYART_HOME that the worker exports to."""


def exports_of(settings: Settings) -> Path:
    """Return the folder that the worker exports into."""
    return settings.home / EXPORTS


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Be the only one who writes into a folder; waits for whoever does, and is let go when its holder dies.

    So an erasure finds every file whole that was made from rows which it removed since. Disks that know no locks of
    folders, as some in networks, are written without one.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
