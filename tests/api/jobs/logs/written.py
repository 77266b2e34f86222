"""Writes tables to files and reads logs back, for the tests of every format."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from api.jobs.logs.parts import parts
from api.jobs.logs.table import LogTable
from bandit.ope.logged import Logged
from tests.api.jobs import golden

ARTWORKS = ("a", "b", "c")


def whole() -> dict[str, Any]:
    """The golden vector with everything that a log can say, as the columns of a table."""
    return {
        **golden.columns(),
        "viewer": [f"v{number % 4}" for number in range(golden.ROWS)],
        "title": ["t"] * golden.ROWS,
        "artwork": [ARTWORKS[chosen] for chosen in golden.CHOSEN],
        "artworks": [list(ARTWORKS)] * golden.ROWS,
        "target_probabilities": [[float(each) for each in stated] for stated in golden.TARGET],
    }


def as_parquet(columns: Mapping[str, Any], path: Path, *, group: int = 1_000_000) -> Path:
    """Write columns as a Parquet file whose row groups have so many rows."""
    pq.write_table(pa.table(dict(columns)), path, row_group_size=group)
    return path


def read(path: Path, **options: Any) -> list[Logged]:
    """Every batch of every part of a log."""
    return [rows for part in parts(LogTable(path=path, **options)) for rows in part.rows()]


def numbers(batches: Sequence[Logged], name: str) -> list[float]:
    """One column of all batches."""
    return np.concatenate([getattr(batch, name) for batch in batches]).tolist()


def mapped(columns: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The columns by other names."""
    return {names.get(name, name): values for name, values in columns.items()}
