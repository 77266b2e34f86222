"""A log cut into parts that can be sent anywhere: which files, which format, which rows. Knows no target.

How a log is cut hangs on its files alone, so that any number of processes makes the same parts.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.parquet import parquet_sources
from api.jobs.logs.rows import logged_rows
from api.jobs.logs.source import Source
from api.jobs.logs.table import LogTable
from bandit.ope.logged import Logged

_FORMATS: Mapping[str, Callable[[Path], Sequence[Source]]] = {".parquet": parquet_sources}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """Some rows of a log; `first` is the number of the first of them, `names` say what its columns are called."""

    table: LogTable
    source: Source
    first: int
    names: Mapping[str, str]

    def rows(self) -> Iterator[Logged]:
        """Yield its rows, in the order of the log, some ten thousands at a time.

        Raises:
            BadLog: the file is damaged, a column is of the wrong type, or rows contradict themselves.
        """
        read = [*dict.fromkeys([*self.names.values(), *self.table.features, *self.table.segments])]
        first = self.first
        for batch in self.source.batches(read):
            yield logged_rows(batch, self.table, names=self.names, first=first)
            first += batch.num_rows


def parts(table: LogTable) -> list[LogPart]:
    """Cut a log into parts; nothing but the shape of its files is read.

    Raises:
        BadLog: the log is missing or unreadable, or lacks a column.
        BadInput: a mapped name is no canonical one.
        RefusedFeature: a feature means age or gender.
    """
    return parts_of(_sources(table.path), table)


def parts_of(sources: Sequence[Source], table: LogTable) -> list[LogPart]:
    """Parts of sources that follow one another in a log."""
    found: list[LogPart] = []
    first = 0
    for source in sources:
        found.append(LogPart(table=table, source=source, first=first, names=table.columns(source.present)))
        first += source.rows or 0
    return found


def _sources(path: Path) -> list[Source]:
    if not path.exists():
        remedy = "Give --log a file, or a folder of Parquet files."
        raise BadLog(f"There is no file or folder {path}.", remedy, reason="no_such_log")
    return [source for file in _files(path) for source in _FORMATS[file.suffix](file)]


def _files(path: Path) -> list[Path]:
    """The file, or those in the folder that are of one format, in the order of their names."""
    if path.is_file():
        files = [path]
    else:
        every = [each for each in sorted(path.rglob("*")) if each.suffix in _FORMATS and each.is_file()]
        files = [each for each in every if each.suffix == every[0].suffix]
    if not files or files[0].suffix not in _FORMATS:
        remedy = f"Give a file ending in {', '.join(_FORMATS)}, or a folder of such files."
        raise BadLog(f"{path} is no log that can be read.", remedy, reason="unknown_format")
    return files
