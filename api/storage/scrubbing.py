"""Sees to it that no file of the database still holds what was deleted from it. Knows no viewer and no table.

SQLite overwrites what is deleted (`secure_delete`), but older content stays in the write-ahead log until that is
emptied, and in files that an older Keyart wrote. PostgreSQL keeps deleted rows until a vacuum, and says nothing of
where else its pages went: its own archive, replicas and backups are the operator's.
"""

import mmap
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, text

from api.errors import StorageUnavailable
from foundation.events import ViewerId

_BUSY = (
    "The database is being read, so its write-ahead log cannot be emptied yet.",
    "What was removed stays so; the worker tries again, or run `keyart viewer erase --resume`.",
)


def scrub(engine: Engine, gone: Iterable[ViewerId]) -> None:
    """Remove what is left in files of pseudonyms that no row holds any more.

    Raises:
        StorageUnavailable: somebody is reading right now; try again.
    """
    if engine.dialect.name != "sqlite":
        _run(engine, "VACUUM")
        return
    _empty_write_ahead_log(engine)
    needles = [each.encode() for each in gone]
    if _held(Path(engine.url.database or ""), needles):
        _run(engine, "VACUUM")
        _empty_write_ahead_log(engine)


def _empty_write_ahead_log(engine: Engine) -> None:
    with engine.connect() as connection:
        [busy, *_] = connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageUnavailable(*_BUSY)


def _held(file: Path, needles: list[bytes]) -> bool:
    if not needles or not file.stat().st_size:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return any(held.find(needle) >= 0 for needle in needles)


def _run(engine: Engine, statement: str) -> None:
    """Run what no transaction may hold."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.cursor().execute(statement)
        return
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(statement))
