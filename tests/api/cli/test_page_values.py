"""`keyart evaluate --pages`: what a policy would earn a page, from a table."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.api.cli.command import Command


@pytest.fixture
def keyart(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def write(path: Path, *, without: str = "") -> Path:
    """200 pages of three slots; the last drawn earns most."""
    rng = np.random.default_rng(3)
    logged = np.array([0.5, 0.3, 0.2])
    shown = rng.choice(3, size=600, p=logged)
    columns = {
        "viewer": [f"v{row // 6}" for row in range(600)],
        "page": [f"p{row // 3}" for row in range(600)],
        "position": [row % 3 for row in range(600)],
        "propensity": logged[shown].tolist(),
        "target_propensity": np.array([0.2, 0.3, 0.5])[shown].tolist(),
        "reward": (rng.random(600) < np.array([0.2, 0.3, 0.6])[shown]).astype(float).tolist(),
    }
    table = pa.table({name: column for name, column in columns.items() if name != without})
    pq.write_table(table, path, row_group_size=100)
    return path


def test_pages_are_valued_where_they_are_asked_for(keyart: Command, tmp_path: Path) -> None:
    log = write(tmp_path / "log.parquet")
    assert "page" not in keyart("evaluate", "--log", log, "--json").json()
    page = keyart("evaluate", "--log", log, "--pages", "--json").json()["page"]
    assert (page["pages"], page["slots_per_page"]) == (200, 3.0)
    truth = 3 * float(np.array([0.2, 0.3, 0.5]) @ np.array([0.2, 0.3, 0.6]))
    for estimate in page["estimates"]:
        assert estimate["interval"]["low"] <= truth <= estimate["interval"]["high"]
    assert [position["position"] for position in page["positions"]] == [0, 1, 2]
    printed = keyart("evaluate", "--log", log, "--pages").out
    assert "the target, a page" in printed
    assert "picked for clipped_ips  clip " in printed
    assert "by largest_lower_bound, at least 0." in printed


def test_pages_that_cannot_be_told_are_bad_input(keyart: Command, tmp_path: Path) -> None:
    without = keyart("evaluate", "--log", write(tmp_path / "log.parquet", without="page"), "--pages")
    assert "page" in without.refusal()
