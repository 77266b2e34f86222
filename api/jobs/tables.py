"""Logs in files, ours or anyone's: Parquet, CSV, JSON lines or Arrow, one row a decision, read in batches of columns.

Canonical columns: `propensity`, `reward`, and the target's probability of the logged artwork as `target_propensity`,
or `artworks` (the eligible ones) for a target that needs only those; optional `viewer`, `title`, `artwork`,
`probabilities`, `kept` (the probability with which the row was logged) and `excluded` (why it does not count, if so).
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from api.errors import BadInput
from bandit.ope.batch import Batch, Eligible, viewer_keys

FORMATS = {".parquet": "parquet", ".csv": "csv", ".arrow": "arrow", ".feather": "feather", ".jsonl": "json"}
CANONICAL = (
    "propensity",
    "reward",
    "target_propensity",
    "policy",
    "decision",
    "viewer",
    "title",
    "artwork",
    "artworks",
    "probabilities",
    "at",
    "kept",
    "excluded",
)
BATCH_ROWS = 65_536
UNIFORM_TARGET = "uniform"
COLUMN_TARGET = "target_propensity"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTable:
    """Where a log is and what its columns are called: `names` maps canonical names to the file's."""

    path: Path
    target: str = COLUMN_TARGET
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    reward_range: tuple[float, float] | None = None
    weight_range: tuple[float, float] | None = None


def read_batches(table: LogTable) -> Iterator[Batch]:
    """Yield the rows of a log with the target's probabilities, in the order of the file.

    Raises:
        BadInput: the file is missing or unreadable, a column is missing or of the wrong type, or a reward or
            weight (target's probability / propensity) lies outside the stated range.
    """
    dataset = _opened(table.path)
    columns = _columns(dataset.schema.names, table)
    scanned = dataset.to_batches(columns=[*columns.values()], batch_size=BATCH_ROWS)
    try:
        for part in scanned:
            yield _batch(_counting(part.rename_columns([*columns])), table)
    except pa.ArrowException as error:
        raise BadInput(f"{table.path} cannot be read: {_one_line(error)}.", "Check the file and its format.") from error


def _opened(path: Path) -> Any:
    if not path.exists():
        raise BadInput(f"There is no file or folder {path}.", "Give --log a file, or a folder of Parquet files.")
    found = path if path.is_file() else next((each for each in sorted(path.rglob("*")) if each.suffix in FORMATS), None)
    if found is None or found.suffix not in FORMATS:
        remedy = f"Give a file ending in {', '.join(FORMATS)}, or a folder of such files."
        raise BadInput(f"{path} is no log that can be read.", remedy)
    files = [str(path)] if path.is_file() else [str(each) for each in sorted(path.rglob(f"*{found.suffix}"))]
    try:
        return ds.dataset(files, format=FORMATS[found.suffix])
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} cannot be read: {_one_line(error)}.", "Check the file and its format.") from error


def _columns(present: list[str], table: LogTable) -> dict[str, str]:
    """Map the canonical names of the columns that are read to the file's names."""
    unknown = [name for name in table.names if name not in CANONICAL]
    if unknown:
        raise BadInput(f"{unknown[0]} is no canonical column.", f"--map takes {', '.join(CANONICAL)}.")
    absent = [theirs for theirs in table.names.values() if theirs not in present]
    if absent:
        raise BadInput(f"The log has no column {absent[0]}.", f"It has {', '.join(present)}.")
    known = {name: table.names.get(name, name) for name in CANONICAL}
    needed = ("propensity", "reward", "artworks" if table.target == UNIFORM_TARGET else "target_propensity")
    for name in needed:
        if known[name] not in present:
            remedy = f"Name it with --map {name}=COLUMN; the log has {', '.join(present)}."
            raise BadInput(f"The log has no column for {name}.", remedy)
    wanted = (*needed, "viewer", "title", "artwork", "artworks", "probabilities", "kept", "excluded")
    return {name: known[name] for name in dict.fromkeys(wanted) if known[name] in present}


def _batch(part: pa.RecordBatch, table: LogTable) -> Batch:
    rewards, propensity = _floats(part, "reward"), _floats(part, "propensity")
    eligible = _eligible(part) if table.target == UNIFORM_TARGET else None
    target = 1.0 / _counts(part) if table.target == UNIFORM_TARGET else _floats(part, "target_propensity")
    _check_range("reward", rewards, table.reward_range)
    sound = propensity > 0  # the others are named by the evaluation
    _check_range("weight", target[sound] / propensity[sound], table.weight_range)
    viewers = _texts(part, "viewer")
    return Batch(
        propensity=propensity,
        target=target,
        reward=rewards,
        viewers=None if viewers is None else viewer_keys(viewers),
        eligible=eligible,
        kept=_floats(part, "kept") if "kept" in part.schema.names else None,
    )


def _counting(part: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out rows of robots and internal traffic, which an export keeps and names."""
    if "excluded" not in part.schema.names:
        return part
    counts = pc.fill_null(pc.equal(part.column("excluded").cast(pa.string()), ""), True)  # CSV knows no null
    return part.filter(counts).drop_columns(["excluded"])


def _eligible(part: pa.RecordBatch) -> Eligible | None:
    """The whole distributions, where the log kept them: they tell support and calibration."""
    names = part.schema.names
    if "probabilities" not in names or "artwork" not in names:
        return None
    counts = _counts(part).astype(np.int64)
    artworks = _named(part, [str(each) for each in part.column("artworks").flatten().to_pylist()], counts)
    if not np.array_equal(_lengths(part, "probabilities"), counts):
        raise BadInput("artworks and probabilities are lists of different lengths.", "Log one probability an artwork.")
    logged = _as_floats(part.column("probabilities").flatten(), "probabilities")
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    codes = {name: code for code, name in enumerate(dict.fromkeys(artworks))}
    return Eligible(
        starts=starts,
        chosen=_chosen(part, artworks, starts),
        artworks=np.array([codes[name] for name in artworks], dtype=np.int64),
        names=tuple(codes),
        logged=logged,
        target=np.repeat(1.0 / counts, counts),
    )


def _chosen(part: pa.RecordBatch, artworks: list[str], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    shown = _named(part, [str(each) for each in part.column("artwork").to_pylist()], np.ones(part.num_rows, np.int64))
    try:
        places = [artworks.index(name, starts[row], starts[row + 1]) for row, name in enumerate(shown)]
    except ValueError as error:
        raise BadInput("A row shows an artwork that is not among its eligible ones.", "Correct the log.") from error
    return np.array(places, dtype=np.int64)


def _named(part: pa.RecordBatch, artworks: list[str], counts: NDArray[np.int64]) -> list[str]:
    """Put the title before each artwork, where the log has titles: two titles may call an artwork the same."""
    titles = _texts(part, "title")
    if titles is None:
        return artworks
    return [f"{title}/{artwork}" for title, artwork in zip(np.repeat(titles, counts), artworks, strict=True)]


def _counts(part: pa.RecordBatch) -> NDArray[np.float64]:
    counts = _lengths(part, "artworks")
    if len(counts) and not counts.min() >= 1:
        raise BadInput("A row has no eligible artworks.", "List at least the one that was shown.")
    return counts


def _lengths(part: pa.RecordBatch, name: str) -> NDArray[np.float64]:
    """How long each row's list is; NaN where there is none."""
    column = part.column(name)
    if not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
        raise BadInput(f"The column for {name} holds no lists.", "Give a list a row, one entry an eligible artwork.")
    return cast(NDArray[np.float64], pc.list_value_length(column).to_numpy(zero_copy_only=False).astype(np.float64))


def _floats(part: pa.RecordBatch, name: str) -> NDArray[np.float64]:
    """A column as float64; what is missing is NaN, which the evaluation then names."""
    return _as_floats(part.column(name), name)


def _as_floats(column: pa.Array, name: str) -> NDArray[np.float64]:
    try:
        return cast(NDArray[np.float64], column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64))
    except pa.ArrowException as error:
        raise BadInput(f"The column for {name} holds no numbers.", "Map another column.") from error


def _texts(part: pa.RecordBatch, name: str) -> list[str] | None:
    if name not in part.schema.names:
        return None
    column = part.column(name)
    if column.null_count == len(column):
        return None
    if column.null_count:
        raise BadInput(f"Some rows name a {name} and some do not.", "Name one in every row, or leave the column out.")
    return [str(each) for each in column.to_pylist()]


def _check_range(what: str, values: NDArray[np.float64], stated: tuple[float, float] | None) -> None:
    if stated is not None and np.any((values < stated[0]) | (values > stated[1])):
        remedy = f"Correct --{what}-range or the log."
        raise BadInput(f"A {what} lies outside {stated[0]:g} to {stated[1]:g}.", remedy)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
