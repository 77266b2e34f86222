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
from api.jobs.logs.source import BATCH_ROWS, PART_ROWS, flat

_SMALL_GROUP = BATCH_ROWS // 2
_SMALL_DICTIONARY = 1 << 16
"""Bytes; a column of ids has one as large as it may become, and is dearer to read that way."""


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """Some row groups of a file."""

    path: Path
    present: tuple[str, ...]
    groups: tuple[int, ...]
    rows: int

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`."""
        try:
            for batch in self._stored([*columns]):
                inner = any(pa.types.is_struct(field.type) for field in batch.schema)
                yield from flat(pa.Table.from_batches([batch])).select(columns).to_batches() if inner else [batch]
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error

    def _stored(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if self.rows < len(self.groups) * _SMALL_GROUP:
            yield from _plain(self.path, self.groups, columns)
            return
        for group in self.groups:  # batches that span groups cannot share a dictionary
            yield from _group(self.path, group, columns)


def parquet_sources(path: Path) -> list[ParquetSource]:
    """Cut a file into sources of at least `PART_ROWS` rows, but for the last.

    Raises:
        BadLog: it is no Parquet file, or it is truncated.
    """
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            present = tuple(flat(file.schema_arrow.empty_table()).column_names)
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


def _group(path: Path, group: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield a row group; texts that say few things come as codes, which is several times cheaper."""
    done = 0
    with pq.ParquetFile(path, memory_map=True) as file:
        few = _dictionaries(file.metadata.row_group(group), columns)
    try:
        with pq.ParquetFile(path, memory_map=True, read_dictionary=few) as file:
            for batch in file.iter_batches(BATCH_ROWS, [group], columns, use_threads=False):
                yield batch
                done += batch.num_rows
    except pa.ArrowNotImplementedError:  # a writer that changed its mind within the group
        for batch in _plain(path, [group], columns):
            yield batch.slice(min(done, batch.num_rows))
            done -= min(done, batch.num_rows)


def _plain(path: Path, groups: Sequence[int], columns: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, memory_map=True) as file:
        yield from file.iter_batches(BATCH_ROWS, groups, columns, use_threads=False)


def _dictionaries(group: pq.RowGroupMetaData, columns: Sequence[str]) -> list[str]:
    """The stored columns of texts among these whose dictionary is small."""
    return [
        chunk.path_in_schema
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema.split(".")[0] in columns
        and chunk.physical_type == "BYTE_ARRAY"
        and chunk.has_dictionary_page
        and 0 < chunk.data_page_offset - chunk.dictionary_page_offset <= _SMALL_DICTIONARY
    ]


def _damaged(path: Path, error: Exception) -> BadLog:
    remedy = "It is truncated, or no Parquet: write or copy it again."
    return BadLog(f"{path} cannot be read: {one_line(error)}.", remedy, reason="unreadable_file")
