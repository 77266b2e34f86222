"""DuckDB files, and questions (`.sql`) that DuckDB answers from files of any kind. Knows no canonical name.

DuckDB is asked with one thread, so that rows come in the same order each time; nothing can be written to its file.
"""

# pyarrow and DuckDB carry no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

import importlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from api.jobs.logs.bad_log import BadLog, one_line
from api.jobs.logs.source import BATCH_ROWS

_TABLES = "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"


@dataclass(frozen=True, slots=True)
class DuckdbSource:
    """What a question's answer holds, asked of a file or (None) of none."""

    path: Path | None
    query: str
    present: tuple[str, ...]
    rows: int | None = None

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`."""
        asked = ", ".join(map(_quoted, columns))
        with _connected(self.path) as connection:
            answer = connection.sql(f"SELECT {asked} FROM ({self.query}) AS log")  # noqa: S608 (asked by its user)
            for batch in pa.RecordBatchReader.from_stream(answer):
                yield from (batch.slice(first, BATCH_ROWS) for first in range(0, len(batch), BATCH_ROWS))


def duckdb_sources(path: Path, query: str | None) -> list[DuckdbSource]:
    """One source: what the query says, or else the only table of the file.

    Raises:
        BadLog: DuckDB is not installed, the file is none of its, it has several tables, or the query fails.
    """
    with _connected(path) as connection:
        asked = query or f"SELECT * FROM {_quoted(_only_table(connection, path))}"  # noqa: S608
        return [DuckdbSource(path, asked, _columns(connection, asked))]


def sql_sources(path: Path) -> list[DuckdbSource]:
    """One source: what the question in a file says, with paths as seen from the present folder. Raises as above."""
    query = _text(path).strip().rstrip(";")
    with _connected(None) as connection:
        return [DuckdbSource(None, query, _columns(connection, query))]


def _only_table(connection: Any, path: Path) -> str:
    names = [str(name) for (name,) in connection.sql(_TABLES).fetchall()]
    if len(names) != 1:
        held = ", ".join(sorted(names)) or "none"
        remedy = 'Say which with --query "SELECT * FROM …".'
        raise BadLog(f"{path} holds not one table but: {held}.", remedy, reason="several_tables")
    return names[0]


def _columns(connection: Any, query: str) -> tuple[str, ...]:
    answer = connection.sql(query)
    if answer is None:
        raise BadLog("What DuckDB is asked has no answer.", "Ask one question: SELECT … FROM ….", reason="no_rows")
    return tuple(answer.columns)


@contextmanager
def _connected(path: Path | None) -> Generator[Any]:
    duckdb = _library()
    try:
        with duckdb.connect(str(path or ":memory:"), read_only=path is not None, config={"threads": 1}) as connection:
            yield connection
    except (duckdb.Error, pa.ArrowException) as error:
        message = f"DuckDB cannot read {path or 'what is asked'}: {one_line(error)}."
        raise BadLog(message, "Correct the file or the query.", reason="unreadable_file") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadLog(f"{path} cannot be read as text.", "Give a query as UTF-8.", reason="unreadable_file") from error


def _library() -> Any:
    try:
        return importlib.import_module("duckdb")
    except ImportError as error:
        remedy = "Install it: pip install 'keyart[duckdb]'."
        raise BadLog("DuckDB is not installed.", remedy, reason="not_installed") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
