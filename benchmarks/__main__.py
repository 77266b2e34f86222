"""Run by `make bench`: every measurement, each beside a peer or a floor of the same run, as a table and a file.

`python -m benchmarks NAME …` runs some of them and keeps the other rows of results.json as they are.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import (
    coverage,
    decisions,
    diversity,
    embedding,
    export,
    gap,
    join,
    learning,
    ope,
    ope_dr,
    outcomes,
    select_batch,
    select_http,
    select_latency,
    simulator,
    startup,
)

MEASUREMENTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "coverage": coverage.run,
    "decisions": decisions.run,
    "export": export.run,
    "diversity": diversity.run,
    "embedding": embedding.run,
    "gap": gap.run,
    "join": join.run,
    "learning": learning.run,
    "ope": ope.run,
    "ope_dr": ope_dr.run,
    "outcomes": outcomes.run,
    "select_batch": select_batch.run,
    "select_http": select_http.run,
    "select_http_postgresql": select_http.run_postgresql,
    "select_latency": select_latency.run,
    "simulator": simulator.run,
    "startup": startup.run,
}
RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
MARK = "<!-- measured: written by `make bench` -->\n"
Rows = dict[str, dict[str, Any]]


def main() -> None:
    """Measure, print and write."""
    wanted = sys.argv[1:] or list(MEASUREMENTS)
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        sys.exit(f"There is no measurement {unknown[0]}; there are {', '.join(MEASUREMENTS)}.")
    known = {row["name"]: row for row in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    for name in wanted:
        for row in MEASUREMENTS[name]():
            known[row["name"]] = {**row, "machine": machine(), "commit": commit()}
        _keep(known)  # what was measured stays, whatever becomes of the next measurement
    _print(_sorted(known))


def _sorted(known: Rows) -> list[dict[str, Any]]:
    return sorted(known.values(), key=lambda row: row["name"])


def _keep(known: Rows) -> None:
    rows = _sorted(known)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    _write_page(rows)


def machine() -> str:
    """What it ran on, in words."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    return f"{os.cpu_count()} cores, {model or platform.machine()}, Python {platform.python_version()}"


def commit() -> str:
    """The commit that was measured; `+` where files differ from it."""
    found = subprocess.run(["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _cells(row: dict[str, Any]) -> list[str]:
    return [row["name"], f"{row['value']:,} {row['unit']}", f"{row['peer']:,}", f"{row['ratio']:.3g}", f"{row['n']:,}"]


def _write_page(rows: list[dict[str, Any]]) -> None:
    """Replace the table of docs/benchmarks.md; the words around it are people's."""
    before = PAGE.read_text().partition(MARK)[0]
    lines = ["| name | value | peer | ratio | n |", "| --- | --- | --- | --- | --- |"]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    runs = dict.fromkeys(f"- {row['machine']}, commit {row['commit']}" for row in rows)
    PAGE.write_text(before + MARK + "\n" + "\n".join(lines) + "\n\nRun on:\n\n" + "\n".join(runs) + "\n")


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table("name", "value", "peer", "ratio", "n")
    for row in rows:
        table.add_row(*_cells(row))
    Console().print(table)


if __name__ == "__main__":
    main()
