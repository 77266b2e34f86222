"""Tables in memory: of pandas, polars, Arrow, DuckDB, or whatever else hands over Arrow. Knows no file."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from api.jobs.logs.bad_log import BadLog, one_line
from api.jobs.logs.parts import LogPart, parts_of
from api.jobs.logs.source import BATCH_ROWS, PART_ROWS, flat
from api.jobs.logs.table import LogTable

IN_MEMORY = LogTable(path=Path("in-memory"))
"""A log that is called what the canonical columns are; `dataclasses.replace` says otherwise."""


@dataclass(frozen=True, slots=True)
class FrameSource:
    """Some rows of a table; sending it to another process copies them."""

    table: Any

    @property
    def present(self) -> tuple[str, ...]:
        """See `Source.present`."""
        return tuple(self.table.column_names)

    @property
    def rows(self) -> int:
        """See `Source.rows`."""
        return len(self.table)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`."""
        yield from self.table.select([*columns]).to_batches(BATCH_ROWS)


def from_frame(frame: Any, table: LogTable = IN_MEMORY) -> list[LogPart]:
    """Cut a table in memory into parts, as `api.jobs.logs.parts.parts` cuts a file; `table` says what columns mean.

    Raises:
        BadLog: it does not hand over Arrow (the Arrow PyCapsule protocol), or lacks a column.
        BadInput, RefusedFeature: as `parts` does.
    """
    if not hasattr(frame, "__arrow_c_stream__"):
        remedy = "Give a data frame of pandas 2.2, polars 1 or later, a DuckDB relation or an Arrow table."
        raise BadLog(f"A {type(frame).__name__} is no table that hands over Arrow.", remedy, reason="unknown_format")
    try:
        whole = pa.RecordBatchReader.from_stream(frame).read_all()
    except (pa.ArrowException, TypeError, ValueError) as error:
        message = f"The {type(frame).__name__} cannot be read: {one_line(error)}."
        raise BadLog(message, "Give each column one type.", reason="unreadable_file") from error
    whole = flat(whole)
    slices = [FrameSource(whole.slice(first, PART_ROWS)) for first in range(0, max(len(whole), 1), PART_ROWS)]
    return parts_of(slices, table)
