"""The job that writes the joined log as Parquet, one file a day: for analysts, and for `keyart evaluate --log`.

Every file carries the fingerprint of what it was made from, so only days that changed since are written again: by new
decisions and outcomes, late ones, erasures, exclusions, another definition of the column `reward`.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine

from api.jobs.export_folder import draft_of, held, remove_drafts, sync
from api.jobs.export_rows import RowMaker
from api.jobs.export_schema import SCHEMA
from api.storage.database import reading
from api.storage.exclusions import Exclusions, read_exclusions
from api.storage.log_days import pages_of, read_days
from api.storage.rewards import read_valued
from bandit.rewards import QUALITY_PLAY

FORMAT = 3
"""Goes up when a column is added or means something else: all days are written again then."""

ROWS_A_GROUP = 20_000
PAGES_AT_ONCE = 250
"""What is held at a time: some hundred pages as records, and a group of rows as columns."""

_FINGERPRINT = b"keyart.fingerprint"
_VECTORS = ("viewer_vector.list.element", "intent_vector.list.element")
_PLAIN = ("decision", "at", "shown_at", "score", "probabilities.list.element", "propensity", *_VECTORS)


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that there are now, in the order of days, and the rows in all of them; which of them were written."""

    files: tuple[Path, ...]
    rows: int
    written: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()


def export_log(
    engine: Engine,
    folder: Path,
    *,
    reward: str = QUALITY_PLAY,
    provisional: bool = False,
    unseen: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Exported:
    """Bring `folder`/day=YYYY-MM-DD.parquet up to date with every decision that has a final reward under `reward`.

    With `provisional`, decisions whose window is open are there too, `final` says which; with `unseen` those that
    nobody saw, without a reward. Each file appears whole or not
    at all, and is durable then. A day is that of the page's id, which is the order of the rows. Files of days that hold
    nothing any more are removed. Memory does not grow with the log.

    Raises:
        StorageUnavailable: the log cannot be read; the files written so far are whole.
        OSError: the folder cannot be written.
    """
    with reading(engine) as connection:
        days, exclusions = read_days(connection), read_exclusions(connection)
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder) as alone:
        remove_drafts(folder, alone=alone)
    rows, order = RowMaker(reward, exclusions, unseen), f"{FORMAT}/{reward}/{provisional}/{unseen}"
    written: list[Path] = []
    for number, (day, revision) in enumerate(days.items()):
        path = folder / f"day={day}.parquet"
        wanted = _fingerprint(day, revision, exclusions, order)
        if _fingerprint_of(path) != wanted:
            with held(folder):  # from the first row that is read: an erasure waits for the file
                if _write_day(path, _groups(engine, day, rows, provisional=provisional), fingerprint=wanted):
                    written.append(path)
        if progress is not None:
            progress((number + 1) / len(days))
    removed = _remove_stale(folder, {f"day={day}.parquet" for day in days})
    files = tuple(sorted(folder.glob("day=*.parquet")))
    return Exported(files, sum(pq.read_metadata(path).num_rows for path in files), tuple(written), removed)


def _fingerprint(day: date, revision: int, exclusions: Exclusions, order: str) -> bytes:
    own = sorted((viewer, reason) for (viewer, its_day), reason in exclusions.days.items() if its_day == day)
    told = msgspec.json.encode([order, revision, sorted(exclusions.viewers.items()), own])
    return hashlib.sha256(told).hexdigest().encode()


def _fingerprint_of(path: Path) -> bytes | None:
    """What a file says it was made from; a damaged one says nothing, and is written again."""
    try:
        metadata = pq.read_metadata(path).metadata
    except (FileNotFoundError, pa.ArrowException):
        return None
    return None if metadata is None else metadata.get(_FINGERPRINT)


def _groups(engine: Engine, day: date, rows: RowMaker, *, provisional: bool) -> Iterator[pa.Table]:
    """The day's rows, some ten thousand at a time."""
    since, until = pages_of(day)
    waiting: list[pa.Table] = []
    read = read_valued(
        engine, since=since, until=until, provisional=provisional, unseen=rows.unseen, batch=PAGES_AT_ONCE
    )
    for stored in read:
        waiting.append(rows.table(stored))
        if sum(table.num_rows for table in waiting) >= ROWS_A_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
            pa.default_memory_pool().release_unused()  # what a group took is the next one's: groups add up to nothing
    if any(table.num_rows for table in waiting):
        yield pa.concat_tables(waiting)


def _write_day(path: Path, groups: Iterator[pa.Table], *, fingerprint: bytes) -> bool:
    """Write a file and tell whether there is one: a day without rows has none."""
    draft = draft_of(path)
    try:
        rows = _write_draft(draft, groups, fingerprint=fingerprint)
        if rows:
            draft.replace(path)
        else:
            path.unlink(missing_ok=True)
        sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return rows > 0


def _write_draft(draft: Path, groups: Iterator[pa.Table], *, fingerprint: bytes) -> int:
    """Write groups of rows, and return how many rows; no name holds a group while the next one is made."""
    schema = SCHEMA.with_metadata({_FINGERPRINT: fingerprint})
    repeated = [name for name in _leaves() if name not in _PLAIN]
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": repeated}
    with draft.open("wb") as file:
        with pq.ParquetWriter(file, schema, **options) as writer:
            rows = sum(map(partial(_write_group, writer), groups))
        file.flush()
        os.fsync(file.fileno())
    return rows


def _write_group(writer: pq.ParquetWriter, group: pa.Table) -> int:
    writer.write_table(group, row_group_size=len(group))
    return len(group)


def _leaves() -> list[str]:
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in SCHEMA]


def _remove_stale(folder: Path, kept: set[str]) -> tuple[Path, ...]:
    others = (path for path in sorted(folder.glob("day=*.parquet")) if path.name not in kept)
    stale = tuple(path for path in others if _fingerprint_of(path) is not None)  # somebody else's file is left alone
    for path in stale:
        path.unlink(missing_ok=True)
    if stale:
        sync(folder)
    return stale
