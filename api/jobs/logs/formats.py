"""Which files a log is, and which format they have: told from their names. Knows no column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from api.jobs.logs.arrow_files import arrow_sources
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.csv_files import csv_sources
from api.jobs.logs.json_lines import json_sources
from api.jobs.logs.lines import COMPRESSED
from api.jobs.logs.parquet import parquet_sources
from api.jobs.logs.source import Source

Opener: TypeAlias = Callable[[Sequence[Path]], Sequence[Source]]
"""Turns files that follow one another into sources."""


def _each(open_one: Callable[[Path], Sequence[Source]]) -> Opener:
    return lambda paths: [source for path in paths for source in open_one(path)]


_PARQUET, _ARROW = _each(parquet_sources), _each(arrow_sources)
FORMATS: Mapping[str, Opener] = {
    ".parquet": _PARQUET,
    ".csv": csv_sources,
    ".arrow": _ARROW,
    ".feather": _ARROW,
    ".jsonl": json_sources,
    ".ndjson": json_sources,
    ".json": json_sources,
}
"""By the end of a file's name; texts may be compressed (`.csv.gz`)."""

_TEXTS = (".csv", ".jsonl", ".ndjson", ".json")
_NOT_MEANT = (".", "_")
"""How names of files begin that lie in folders for other reasons."""


def sources_in(path: Path) -> Sequence[Source]:
    """The sources of a file, or of all files of a folder in the order of their names.

    Raises:
        BadLog: there is no such file, or none of a known format, or files of several.
    """
    if not path.exists():
        remedy = "Give --log a file, or a folder of Parquet files."
        raise BadLog(f"There is no file or folder {path}.", remedy, reason="no_such_log")
    files = [path] if path.is_file() else [*_files(path)]
    openers = {FORMATS.get(_form(file)) for file in files}
    if len(openers) > 1:
        forms = ", ".join(sorted({_form(file) for file in files}))
        remedy = "Give each format its own folder, or name one file."
        raise BadLog(f"{path} holds files of several formats: {forms}.", remedy, reason="several_formats")
    opener = next(iter(openers), None)
    if opener is None:
        remedy = f"Give a file ending in {', '.join(FORMATS)}, or a folder of such files."
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
