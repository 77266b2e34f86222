"""Arrow files and streams (also called Feather), cut between record batches. Knows no canonical name."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from api.jobs.logs.bad_log import BadLog, one_line
from api.jobs.logs.source import BATCH_ROWS, PART_ROWS

_FILE_MAGIC = b"ARROW1"


@dataclass(frozen=True, slots=True)
class ArrowSource:
    """The record batches from `begin` to before `end` of a file."""

    path: Path
    present: tuple[str, ...]
    begin: int
    end: int
    rows: int

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`."""
        with _reading(self.path, columns) as whole:
            for batch in whole.between(self.begin, self.end):
                own = batch.select(columns)
                yield from (own.slice(first, BATCH_ROWS) for first in range(0, len(own), BATCH_ROWS))


def arrow_sources(path: Path) -> list[ArrowSource]:
    """Cut a file into sources of at least `PART_ROWS` rows, but for the last.

    Raises:
        BadLog: it is no Arrow file, or it is truncated.
    """
    with _reading(path, None) as whole:
        present = tuple(whole.schema.names)
    with _reading(path, present[:1]) as whole:
        sizes = [batch.num_rows for batch in whole.between(0, None)]
    found: list[ArrowSource] = []
    first, rows = 0, 0
    for place, size in enumerate(sizes):
        rows += size
        if rows >= PART_ROWS or place == len(sizes) - 1:
            found.append(ArrowSource(path, present, first, place + 1, rows))
            first, rows = place + 1, 0
    return found or [ArrowSource(path, present, 0, 0, 0)]


class _Batches:
    """The record batches of an open file or stream, whose other columns are not even unpacked."""

    def __init__(self, mapped: Any, columns: Sequence[str] | None) -> None:
        is_file = mapped.read(len(_FILE_MAGIC)) == _FILE_MAGIC
        mapped.seek(0)
        opened = pa.ipc.open_file if is_file else pa.ipc.open_stream
        self.schema = opened(mapped).schema
        mapped.seek(0)
        wanted = None if columns is None else sorted(self.schema.get_field_index(name) for name in columns)
        self._whole = opened(mapped, options=pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False))
        self._is_file = is_file

    def between(self, begin: int, end: int | None) -> Iterator[pa.RecordBatch]:
        """Those from `begin` to before `end`, None for all that follow; a stream must be read from its beginning."""
        if not self._is_file:
            yield from islice(self._whole, begin, end)
            return
        last = self._whole.num_record_batches if end is None else end
        yield from (self._whole.get_batch(place) for place in range(begin, last))


@contextmanager
def _reading(path: Path, columns: Sequence[str] | None) -> Generator[_Batches]:
    try:
        with pa.memory_map(str(path)) as mapped:
            yield _Batches(mapped, columns)
    except (pa.ArrowException, OSError) as error:
        remedy = "It is truncated, or no Arrow: write or copy it again."
        raise BadLog(f"{path} cannot be read: {one_line(error)}.", remedy, reason="unreadable_file") from error
