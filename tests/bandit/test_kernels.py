"""The door to numba: where machine code is kept, and that nothing depends on it being kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bandit import kernels
from bandit.kernels import product, warm

SUMS = """
import numpy as np
import kernels
rows = np.arange(6.0).reshape(2, 3)
print(kernels.product(rows, rows.T.copy()).tolist(), kernels.product.stats.cache_path)
"""


def run(folder: Path, **environment: str) -> str:
    """What a process prints that loads a copy of the kernels from `folder`."""
    shutil.copy(kernels.__file__, folder / "kernels.py")
    done = subprocess.run(
        [sys.executable, "-c", SUMS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_without_a_folder_to_keep_machine_code_in_it_compiles_and_works(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("a file where a folder cannot be made")
    nowhere = str(tmp_path / "__pycache__" / "in-a-file")
    answer = run(tmp_path, HOME=nowhere, XDG_CACHE_HOME=nowhere, NUMBA_CACHE_DIR="")
    assert answer == "[[5.0, 14.0], [14.0, 50.0]] None"


def test_machine_code_is_kept_where_the_operator_says(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    answer = run(tmp_path, NUMBA_CACHE_DIR=str(kept))
    assert str(kept) in answer
    assert [*kept.rglob("*.nbc")]


def test_a_full_disk_costs_the_kept_machine_code_and_nothing_else() -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")

    warm(call)
    assert len(calls) == 2


def test_a_row_has_the_same_product_alone_and_among_others() -> None:
    rng = np.random.default_rng(2)
    rows, matrix = rng.normal(size=(64, 33)), rng.normal(size=(33, 17))
    together = product(rows, matrix)
    assert np.array_equal(together, np.concatenate([product(row[np.newaxis], matrix) for row in rows]))
    assert together == pytest.approx(rows @ matrix, abs=1e-12)
