"""`keyart evaluate --html`: a log that tells everything there is to tell becomes a page, and a refused one says why."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.api.cli.command import Command

ROWS = 3000
ARTWORKS = ["close-up", "wide"]
MICROSECONDS_A_DAY = 86_400_000_000


def everything(*, stated: float = 0.8) -> dict[str, Any]:
    """The columns of a log that drew its first artwork with 0.8, and wrote down that it did so with `stated`."""
    rng = np.random.default_rng(3)
    chosen = (rng.random(ROWS) >= 0.8).astype(int)
    at = np.datetime64("2026-05-01T00:00:00", "us") + (np.arange(ROWS) * MICROSECONDS_A_DAY // 1000)
    return {
        "title": ["harbour"] * ROWS,
        "artwork": [ARTWORKS[each] for each in chosen],
        "artworks": [ARTWORKS] * ROWS,
        "probabilities": [[stated, 1 - stated]] * ROWS,
        "propensity": np.where(chosen, 1 - stated, stated),
        "target_probabilities": [[0.3, 0.7]] * ROWS,
        "reward": (rng.random(ROWS) < np.where(chosen, 0.4, 0.2)).astype(float),
        "viewer": [f"v{each % 150}" for each in range(ROWS)],
        "device": ["tv" if each % 2 else "web" for each in range(ROWS)],
        "page": [f"p{each // 3}" for each in range(ROWS)],
        "position": [each % 3 for each in range(ROWS)],
        "at": at,
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Rows with viewers, lists, times, pages and devices."""
    pq.write_table(pa.table(everything()), tmp_path / "log.parquet")
    return tmp_path / "log.parquet"


def test_a_log_that_cannot_answer_is_told_to_people_and_programs(keyart: Command, tmp_path: Path) -> None:
    log, report = tmp_path / "log.parquet", tmp_path / "report.html"
    pq.write_table(pa.table(everything(stated=0.5)), log)
    ended = keyart("evaluate", "--log", log, "--html", report, "--json")
    assert (ended.code, ended.err) == (3, "")
    (refusal,) = json.loads(ended.out)["refusals"]
    assert refusal["code"] == "propensities_not_drawn_from"
    assert refusal["message"][1:] in report.read_text()


def test_all_that_a_log_can_tell_is_drawn(keyart: Command, log: Path, tmp_path: Path) -> None:
    asked = ("--baseline", "logging", "--segment", "device", "--model", "ridge", "--feature", "device", "--pages")
    ended = keyart("evaluate", "--log", log, *asked, "--html", tmp_path / "report.html")
    assert (ended.code, ended.err) == (0, "")
    page = (tmp_path / "report.html").read_text()
    for heading in ("Day by day", "Did the logging policy change?", "Whole pages", "Where is it better"):
        assert heading in page
