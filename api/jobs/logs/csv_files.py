"""CSV files, compressed or not: every cell is text until somebody asks for more. Knows no canonical name."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from api.jobs.logs.bad_log import BadLog, one_line

_AT_ONCE = 4 << 20
_HEADER_AND_ONE = 2
"""The library counts rows from 1, and the header is its first."""


@dataclass(frozen=True, slots=True)
class CsvSource:
    """Files that follow one another: where the next begins is known when this one was read."""

    paths: tuple[Path, ...]
    present: tuple[str, ...]
    rows: int | None = None

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`."""
        first = 0
        for path in self.paths:
            with _reading(path, columns, first=first) as reader:
                for batch in reader:
                    yield batch.select(columns)
                    first += batch.num_rows


def csv_sources(paths: Sequence[Path]) -> list[CsvSource]:
    """One source of all files.

    Raises:
        BadLog: the first has no header, or cannot be opened.
    """
    with _reading(paths[0], None) as reader:
        return [CsvSource(tuple(paths), tuple(reader.schema.names))]


@contextmanager
def _reading(path: Path, columns: Sequence[str] | None, *, first: int = 0) -> Generator[Any]:
    texts = pc.ConvertOptions(
        include_columns=None if columns is None else [*columns],
        column_types={name: pa.string() for name in columns or ()},
        strings_can_be_null=True,
        null_values=[""],
    )
    blocks = pc.ReadOptions(use_threads=False, block_size=_AT_ONCE)
    try:
        with pa.input_stream(path) as stream, pc.open_csv(stream, blocks, convert_options=texts) as reader:
            yield reader
    except KeyError as error:
        raise BadLog(
            f"{path} has not every column of the log.", "Give all files one header.", reason="column_missing"
        ) from error
    except (pa.ArrowException, OSError) as error:
        row = re.search(r"Row #(\d+)", str(error))
        rows = [first + int(row[1]) - _HEADER_AND_ONE] if row else []
        message = f"{path} cannot be read: {one_line(error)}."
        raise BadLog(
            message, "Correct the line, or write the file again.", reason="unreadable_file", rows=rows
        ) from error
