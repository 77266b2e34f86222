"""Viewers leave Parquet files: each file that names them is written again without their rows, whole or not at all."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

import os
from collections.abc import Collection, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.errors import BadInput
from api.jobs.export_folder import draft_of, held, remove_drafts, sync

VIEWER_COLUMN = "viewer"


def redact(folders: Iterable[Path], viewers: Collection[str]) -> int:
    """Remove the rows of some viewers from every Parquet file under some folders, and return how many there were.

    Waits for files that are being written. Drafts of exports that died are removed whole. A folder that does not exist
    holds nothing.

    Raises:
        BadInput: a file is no Parquet that can be read, or cannot be written; the others before it are done.
    """
    wanted = pa.array(sorted(viewers), pa.string())
    return sum(_redact_folder(Path(each), wanted) for folder in folders for each, _, _ in os.walk(folder))


def _redact_folder(folder: Path, viewers: pa.Array) -> int:
    """Redact the files that lie in one folder."""
    with held(folder) as alone:
        remove_drafts(folder, alone=alone)
        return sum(_redact(path, viewers) for path in sorted(folder.glob("*.parquet")) if path.is_file())


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
    draft = draft_of(path)
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            with pq.ParquetWriter(draft, schema) as writer:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    kept = table.filter(pc.invert(pc.is_in(table.column(VIEWER_COLUMN), viewers)))
                    if len(kept):
                        writer.write_table(kept)
        sync(draft)
        draft.replace(path)
        sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)
