"""Viewers leave Parquet files: each file that names them is written again without their rows, whole or not at all."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

import os
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.errors import BadInput

VIEWER_COLUMN = "viewer"
ABANDONED_SECONDS = 600.0
"""A hidden draft that nobody has written to for so long is one of a process that died."""


def redact(folders: Iterable[Path], viewers: Collection[str]) -> int:
    """Remove the rows of some viewers from every Parquet file under some folders, and return how many there were.

    Drafts of exports that died are removed whole. A folder that does not exist holds nothing.

    Raises:
        BadInput: a file is no Parquet that can be read, or cannot be written; the others before it are done.
    """
    wanted = pa.array(sorted(viewers), pa.string())
    removed = 0
    for folder in folders:
        for path in sorted(folder.rglob("*.parquet*")) if folder.is_dir() else []:
            if path.name.startswith("."):
                _remove_abandoned(path)
            elif path.suffix == ".parquet" and path.is_file():
                removed += _redact(path, wanted)
    return removed


def holds_any(path: Path, viewers: Collection[str]) -> bool:
    """Tell whether a Parquet file has rows of some viewers; reads the one column."""
    return _count(path, pa.array(sorted(viewers), pa.string())) > 0


def _remove_abandoned(draft: Path) -> None:
    try:
        if time.time() - draft.stat().st_mtime > ABANDONED_SECONDS:  # the disk's clock wrote what it is compared with
            draft.unlink()
    except FileNotFoundError:  # it became a whole file meanwhile
        return


def _redact(path: Path, viewers: pa.Array) -> int:
    try:
        count = _count(path, viewers)
        if count:
            _write_without(path, viewers)
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:120]
        remedy = "Repair it or take it away, then run `keyart viewer erase --resume`."
        raise BadInput(f"{path} cannot be searched or written again: {said}.", remedy) from error
    return count


def _count(path: Path, viewers: pa.Array) -> int:
    with pq.ParquetFile(path) as file:
        if VIEWER_COLUMN not in file.schema_arrow.names:
            return 0
        parts = file.iter_batches(columns=[VIEWER_COLUMN])
        return sum(pc.sum(pc.is_in(part.column(0), viewers)).as_py() or 0 for part in parts)


def _write_without(path: Path, viewers: pa.Array) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            with pq.ParquetWriter(draft, schema) as writer:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    kept = table.filter(pc.invert(pc.is_in(table.column(VIEWER_COLUMN), viewers)))
                    if len(kept):
                        writer.write_table(kept)
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
