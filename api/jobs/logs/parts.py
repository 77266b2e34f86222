"""A log cut into parts that can be sent anywhere: which files, which format, which rows. Knows no target.

How a log is cut hangs on its files alone, so that any number of processes makes the same parts.
"""

# pyarrow carries no annotations.
# pyright: reportMissingTypeStubs=false, reportUnknownParameterType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.formats import sources_in
from api.jobs.logs.rows import logged_rows
from api.jobs.logs.source import LINE, Source
from api.jobs.logs.table import LogTable
from bandit.ope.batch import Integers
from bandit.ope.logged import Logged


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
        for batch in self._batches(read):
            numbers = self.first + _lines(batch) if LINE in batch.schema.names else np.arange(batch.num_rows) + first
            yield logged_rows(batch, self.table, names=self.names, numbers=numbers)
            first += batch.num_rows

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.source.batches(columns)
        except BadLog as error:
            raise error.moved(self.first) from error


def _lines(batch: pa.RecordBatch) -> Integers:
    return batch.column(LINE).to_numpy()


def parts(table: LogTable) -> list[LogPart]:
    """Cut a log into parts; nothing but the shape of its files is read.

    Raises:
        BadLog: the log is missing or unreadable, or lacks a column.
        BadInput: a mapped name is no canonical one.
        RefusedFeature: a feature means age or gender.
    """
    return parts_of(sources_in(table.path, table.query), table)


def parts_of(sources: Sequence[Source], table: LogTable) -> list[LogPart]:
    """Parts of sources that follow one another in a log."""
    found: list[LogPart] = []
    first = 0
    for source in sources:
        found.append(LogPart(table=table, source=source, first=first, names=table.columns(source.present)))
        first += source.rows or 0
    return found
