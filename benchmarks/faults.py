"""Runs the tests of faults in their long forms, and writes benchmarks/faults.json and the table of docs/reliability.md.

`python -m benchmarks.faults` runs them all; words behind it choose as pytest's -k does. Rows of tests that were not
run, or did not come to their figure, stay.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.__main__ import commit, machine

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"
MARK = "<!-- measured: written by `python -m benchmarks.faults` -->\n"
KEPT_IN = "FAULT_FIGURES"
COLUMNS = ("name", "runs", "acknowledged", "lost", "pages", "pages_in_budget")


def read_figures(file: Path) -> dict[str, dict[str, Any]]:
    """The figures that tests left, by name; also those of tests that failed: they are the ones to look at."""
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return {row["name"]: row for row in rows}


def main() -> int:
    """Run, print and write; the exit code is pytest's."""
    chosen = ["-k", " ".join(sys.argv[1:])] if sys.argv[1:] else []
    with tempfile.TemporaryDirectory(prefix="keyart-faults-") as folder:
        left = Path(folder) / "figures.jsonl"
        command = [sys.executable, "-m", "pytest", str(ROOT / "tests" / "faults"), "-m", "slow", *chosen]
        ended = subprocess.run(command, cwd=ROOT, env={**os.environ, KEPT_IN: str(left)}, check=False)
        found = read_figures(left)
    known = {row["name"]: row for row in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    rows = [*{**known, **found}.values()]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    write_page(rows)
    for row in rows:
        print(cells(row))
    return ended.returncode


def write_page(rows: list[dict[str, Any]]) -> None:
    """Replace the table of docs/reliability.md; the words around it are people's."""
    before = PAGE.read_text().partition(MARK)[0]
    lines = ["| fault | runs | acknowledged | lost | pages | in budget |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    lines += [cells(row) for row in rows]
    PAGE.write_text(before + MARK + "\n" + "\n".join(lines) + f"\n\nRun on: {machine()}, commit {commit()}\n")


def cells(row: dict[str, Any]) -> str:
    """A row of the table."""
    share = f" ({100 * row['pages_in_budget'] / row['pages']:.2f} %)" if row["pages"] else ""
    counts = [f"{row[name]:,}" for name in COLUMNS[1:]]
    return "| " + " | ".join([row["name"], *counts]) + share + " |"


if __name__ == "__main__":
    sys.exit(main())
