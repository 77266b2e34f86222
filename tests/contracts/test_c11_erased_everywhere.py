"""C11: whatever was made of the log, an erased viewer is in none of it; a new table that names viewers is noticed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Column

from api.jobs.erasing import erase_waiting
from api.storage.schema import metadata
from api.storage.tables import PSEUDONYM
from tests.api.cli.command import Command
from tests.api.installation import AT, Installation
from tests.api.learned import Learned

VIEWER = "even-0"
OUT_OF_THE_LOG = {"pages"}
BY_NAME = {"events", "viewer_vectors", "viewers", "excluded_viewers", "robot_days"}
UNTIL_IT_ENDED = {"erasures"}
"""The tables that name viewers, by how an erasure rids them of one (`api.jobs.erasing`)."""


def names_viewers(column: Column[Any]) -> bool:
    return column.type is PSEUDONYM or "viewer" in column.name


def test_c11_every_table_that_names_viewers_is_known_to_the_erasure() -> None:
    counts = {"forecast_readings"}  # how many viewers it was observed on
    naming = {table.name for table in metadata.sorted_tables if any(map(names_viewers, table.columns))}
    assert naming - counts == OUT_OF_THE_LOG | BY_NAME | UNTIL_IT_ENDED


def holding(home: Path, needle: str) -> list[str]:
    """The files that hold a text; Parquet is read, since it is compressed."""
    found = [path for path in home.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]
    tables = [path for path in home.rglob("*.parquet") if needle in str(pq.read_table(path).to_pylist())]
    return sorted({path.name for path in (*found, *tables)})


def test_c11_no_evaluation_export_or_reading_holds_an_erased_viewer(
    ready: Installation, learned: Learned, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = [
        ("evaluate", "--policy", learned.manifest.version, "--html", ready.home / "report.html"),
        ("log", "export", "--out", ready.home / "exports"),
        ("experiment", "show", "warm"),
    ]
    erase_after(orders, ready, learned, Command(capsys))


@pytest.mark.slow
def test_c11_nothing_that_was_made_of_the_log_holds_an_erased_viewer(
    ready: Installation, learned: Learned, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = [
        ("evaluate", "--policy", learned.manifest.version),
        ("learn", "--reason", "once more"),
        ("worker", "--once"),
        ("log", "export", "--out", ready.home / "exports"),
        ("experiment", "show", "warm"),
        ("forecasts",),
        ("reward", "revalue"),
    ]
    erase_after(orders, ready, learned, Command(capsys))


Orders = Sequence[tuple[Any, ...]]


def erase_after(orders: Orders, ready: Installation, learned: Learned, keyart: Command) -> None:
    """Let commands make what they make of the log while the viewer is shown pages, erase, and look everywhere."""
    version, home = learned.manifest.version, ready.home
    ready.http.post("/v1/viewers:exclude", json={"viewer": VIEWER})
    promoted = ready.http.post(f"/v1/policies/{version}:promote", json={"stage": "live", "reason": "to be erased from"})
    assert promoted.status_code == 200, promoted.text
    ready.services.refresh()
    cells = ("--cell", "control=live", "--cell", "warm=default", "--share", 1)
    planned: Orders = [("experiment", "create", "warm", *cells), ("experiment", "start", "warm")]
    for number, order in enumerate([*planned, *orders]):
        ready.ask("harbor", viewer=VIEWER, key=f"page {number}", at=AT)
        told = keyart(*order, "--home", home)
        assert told.code in (0, 3), (order, told.err)
    pseudonym, other = ready.keys.pseudonym(VIEWER), ready.keys.pseudonym("even-2")
    assert set(holding(home, pseudonym)) >= {"keyart.db"}
    assert ready.http.post("/v1/viewers:erase", json={"viewer": VIEWER}).status_code == 202
    [ended] = erase_waiting(ready.engine, ready.settings)
    assert (ended.pages > len(orders), ended.export_rows > 0) == (True, True)
    assert holding(home, pseudonym) == []
    assert holding(home, VIEWER) == []
    assert "keyart.db" in holding(home, other)
