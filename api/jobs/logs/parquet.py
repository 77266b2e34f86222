"""Parquet files, cut between row groups. Knows no canonical name."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from api.jobs.logs.bad_log import BadLog, one_line
from api.jobs.logs.source import BATCH_ROWS, PART_ROWS


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """Some row groups of a file."""

    path: Path
    present: tuple[str, ...]
    groups: tuple[int, ...]
    rows: int

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`."""
        if not self.groups:
            return
        try:
            with pq.ParquetFile(self.path, memory_map=True) as file:
                yield from file.iter_batches(BATCH_ROWS, self.groups, [*columns], use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error


def parquet_sources(path: Path) -> list[ParquetSource]:
    """Cut a file into sources of at least `PART_ROWS` rows, but for the last.

    Raises:
        BadLog: it is no Parquet file, or it is truncated.
    """
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            present = tuple(file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    found: list[ParquetSource] = []
    first, rows = 0, 0
    for group, size in enumerate(sizes):
        rows += size
        if rows >= PART_ROWS or group == len(sizes) - 1:
            found.append(ParquetSource(path, present, tuple(range(first, group + 1)), rows))
            first, rows = group + 1, 0
    return found or [ParquetSource(path, present, (), 0)]


def _damaged(path: Path, error: Exception) -> BadLog:
    remedy = "It is truncated, or no Parquet: write or copy it again."
    return BadLog(f"{path} cannot be read: {one_line(error)}.", remedy, reason="unreadable_file")
