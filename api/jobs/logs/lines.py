"""Files of lines, cut into blocks of whole lines, and long files into ranges of bytes. Knows no line's meaning."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from api.jobs.logs.bad_log import BadLog, one_line

BLOCK_BYTES = 8 << 20
RANGE_BYTES = 256 << 20
"""How much of a long file makes a part."""

COMPRESSED = (".gz", ".zst", ".bz2", ".lz4", ".br")
_NEWLINE = b"\n"


@dataclass(frozen=True, slots=True)
class LineRange:
    """The bytes of a file from `begin`, where a line begins, to before `end` (None: its end); `lines` of them.

    `lines` is None in a log's last range, which nobody counts beforehand.
    """

    path: Path
    begin: int = 0
    end: int | None = None
    lines: int | None = None

    def blocks(self) -> Iterator[bytes]:
        """Yield whole lines, some megabytes at a time.

        Raises:
            BadLog: the file cannot be read.
        """
        rest = b""
        for chunk in _chunks(self.path, self.begin, self.end):
            cut = chunk.rfind(_NEWLINE) + 1
            if cut:
                yield rest + chunk[:cut]
                rest = chunk[cut:]
            else:
                rest += chunk
        if rest.strip():
            yield rest


def line_ranges(paths: Sequence[Path]) -> list[LineRange]:
    """Cut files that follow one another; compressed ones stay whole.

    Raises:
        BadLog: a file cannot be read.
    """
    found = [each for path in paths for each in _cut(path)]
    return [*(_counted(each) for each in found[:-1]), *found[-1:]]


def _cut(path: Path) -> Iterator[LineRange]:
    size = path.stat().st_size
    if path.suffix in COMPRESSED or size <= RANGE_BYTES:
        yield LineRange(path)
        return
    begin = 0
    with path.open("rb") as file:
        while begin < size:
            file.seek(min(begin + RANGE_BYTES, size))
            file.readline()
            yield LineRange(path, begin, file.tell())
            begin = file.tell()


def _counted(one: LineRange) -> LineRange:
    newlines, last = 0, _NEWLINE
    for chunk in _chunks(one.path, one.begin, one.end):
        newlines += chunk.count(_NEWLINE)
        last = chunk[-1:]
    return LineRange(one.path, one.begin, one.end, newlines + (last != _NEWLINE))


def _chunks(path: Path, begin: int, end: int | None) -> Iterator[bytes]:
    try:
        with _opened(path) as stream:
            if begin:
                stream.seek(begin)
            left = end - begin if end is not None else None
            while chunk := stream.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left)):
                yield chunk
                left = None if left is None else left - len(chunk)
    except (pa.ArrowException, OSError) as error:
        message = f"{path} cannot be read: {one_line(error)}."
        raise BadLog(message, "Write or copy it again.", reason="unreadable_file") from error


def _opened(path: Path) -> Any:
    return pa.input_stream(path) if path.suffix in COMPRESSED else path.open("rb")
