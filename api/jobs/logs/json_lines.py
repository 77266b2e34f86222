"""Files of JSON, one object a line; what lies in an inner object is named with a dot. Knows no canonical name."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.json as pj

from api.jobs.logs.bad_log import BadLog, one_line
from api.jobs.logs.lines import LineRange, line_ranges
from api.jobs.logs.source import BATCH_ROWS, flat

_IN_BLOCK = re.compile(r"\.? in row (\d+)")


@dataclass(frozen=True, slots=True)
class JsonSource:
    """Some lines of a file."""

    lines: LineRange
    present: tuple[str, ...]

    @property
    def rows(self) -> int | None:
        """See `Source.rows`."""
        return self.lines.lines

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`; a column that some lines lack is empty there."""
        first = 0
        for block in self.lines.blocks():
            table = _parsed(block, self.lines.path, first=first)
            arrays = [table[name] if name in table.column_names else pa.nulls(len(table)) for name in columns]
            yield from pa.table(arrays, names=[*columns]).combine_chunks().to_batches(BATCH_ROWS)
            first += len(table)


def json_sources(paths: Sequence[Path]) -> list[JsonSource]:
    """Cut files that follow one another; the first lines say which columns there are.

    Raises:
        BadLog: a file cannot be read, or holds no line.
    """
    ranges = line_ranges(paths)
    begin = next((block for each in ranges for block in each.blocks()), b"")
    present = tuple(_parsed(begin, paths[0], first=0).column_names)
    if not present:
        remedy = "Log decisions that were seen, report their outcomes, and join rewards first."
        raise BadLog(f"{paths[0]} holds no row.", remedy, reason="no_rows")
    return [JsonSource(each, present) for each in ranges]


def _parsed(block: bytes, path: Path, *, first: int) -> pa.Table:
    if not block.strip():
        return pa.table({})
    whole = pj.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        return flat(pj.read_json(io.BytesIO(block), whole))
    except pa.ArrowException as error:
        row = _IN_BLOCK.search(str(error))
        rows = [first + int(row[1])] if row else []
        reason = "wrong_type" if "changed from" in str(error) else "unreadable_file"
        said = _IN_BLOCK.sub("", one_line(error))  # rows are counted from the log's first, not from the block's
        message = f"{path} cannot be read: {said}."
        raise BadLog(message, "Write one object a line, each name with one type.", reason=reason, rows=rows) from error
