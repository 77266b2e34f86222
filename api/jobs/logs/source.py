"""Where some of a log's rows come from: the one shape of a format. Knows no canonical name and no evaluation."""

# pyarrow carries no annotations.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false, reportMissingTypeStubs=false

from collections.abc import Iterator, Sequence
from typing import Protocol

import pyarrow as pa

BATCH_ROWS = 65_536
PART_ROWS = 1_000_000
"""How many rows make a part, where a format can be cut: the partition hangs on the log alone."""

LINE = "keyart:line"
"""A column that a source may add where a line of its files holds several rows: the line, from its first."""


class Source(Protocol):
    """Rows that lie together in a log; it can be sent to another process.

    `present` are the columns that it has, by the log's own names.
    """

    @property
    def present(self) -> Sequence[str]:
        """What `present` says."""
        ...

    @property
    def rows(self) -> int | None:
        """How many rows it has; None where only reading them would tell, which only a log's last source may say."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield these columns of its rows, `BATCH_ROWS` at most at a time, in the order of the log.

        Raises:
            BadLog: what is stored cannot be read; its rows are counted from the source's first.
        """
        ...


def flat(table: pa.Table) -> pa.Table:
    """What lies in inner structures as columns of their own, named with a dot."""
    return flat(table.flatten()) if any(pa.types.is_struct(field.type) for field in table.schema) else table
