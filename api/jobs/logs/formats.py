"""Which files a log is, and which format they have: told from their names. Knows no column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from api.jobs.logs.arrow_files import arrow_sources
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.csv_files import csv_sources
from api.jobs.logs.decision_service import decision_service_sources, is_decision_service
from api.jobs.logs.duckdb_files import duckdb_sources, sql_sources
from api.jobs.logs.json_lines import json_sources
from api.jobs.logs.lines import COMPRESSED, LineRange
from api.jobs.logs.open_bandit import ITEMS, open_bandit_sources
from api.jobs.logs.parquet import parquet_sources
from api.jobs.logs.source import Source

Opener: TypeAlias = Callable[[Sequence[Path]], Sequence[Source]]
"""Turns files that follow one another into sources."""


def _each(open_one: Callable[[Path], Sequence[Source]]) -> Opener:
    return lambda paths: [source for path in paths for source in open_one(path)]


def _objects(paths: Sequence[Path]) -> Sequence[Source]:
    """Lines of JSON are rows, or decisions as Vowpal Wabbit logs them: the first line tells."""
    lines = (line for path in paths for block in LineRange(path).blocks() for line in block.splitlines())
    first = next((line for line in lines if line.strip()), b"")
    return decision_service_sources(paths) if is_decision_service(first) else json_sources(paths)


_PARQUET, _ARROW = _each(parquet_sources), _each(arrow_sources)
FORMATS: Mapping[str, Opener] = {
    ".parquet": _PARQUET,
    ".csv": csv_sources,
    ".arrow": _ARROW,
    ".feather": _ARROW,
    ".jsonl": _objects,
    ".ndjson": _objects,
    ".json": _objects,
    ".dsjson": decision_service_sources,
    ".sql": _each(sql_sources),
}
"""By the end of a file's name; texts may be compressed (`.csv.gz`)."""

_TEXTS = (".csv", ".jsonl", ".ndjson", ".json", ".dsjson")
_DUCKDB = (".duckdb", ".ddb")
_NOT_MEANT = (".", "_")
"""How names of files begin that lie in folders for other reasons."""


def sources_in(path: Path, query: str | None = None) -> Sequence[Source]:
    """The sources of a file, or of all files of a folder in the order of their names; `query` is for DuckDB files.

    Raises:
        BadLog: there is no such file, or none of a known format, or files of several.
    """
    if not path.exists():
        remedy = "Give --log a file, or a folder of Parquet files."
        raise BadLog(f"There is no file or folder {path}.", remedy, reason="no_such_log")
    if path.suffix in _DUCKDB:
        return duckdb_sources(path, query)
    if query is not None:
        raise BadLog(
            f"{path} is no DuckDB file.", "Leave --query out, or write it into a .sql file.", reason="no_query"
        )
    if path.is_dir() and any(path.rglob(ITEMS)):
        return open_bandit_sources(path)
    files = [path] if path.is_file() else [*_files(path)]
    openers = {FORMATS.get(_form(file)) for file in files}
    if len(openers) > 1:
        forms = ", ".join(sorted({_form(file) for file in files}))
        remedy = "Give each format its own folder, or name one file."
        raise BadLog(f"{path} holds files of several formats: {forms}.", remedy, reason="several_formats")
    opener = next(iter(openers), None)
    if opener is None:
        remedy = f"Give a file ending in {', '.join((*FORMATS, *_DUCKDB))}, or a folder of such files."
        raise BadLog(f"{path} is no log that can be read.", remedy, reason="unknown_format")
    return opener(files)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(_NOT_MEANT) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and _form(path) in FORMATS:
            yield path


def _form(path: Path) -> str:
    """The end of the name that tells the format."""
    if path.suffix in COMPRESSED and Path(path.stem).suffix in _TEXTS:
        return Path(path.stem).suffix
    return path.suffix
