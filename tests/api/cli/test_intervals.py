"""Which interval a plain table is answered with, and what stated bounds make of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.coverage_logs import LogShape, Setting, draw, setting_of
from tests.api.cli.command import Command

RARE = LogShape(each=20, rewards="rare")


def written(shape: LogShape, path: Path) -> tuple[Path, Setting]:
    """A log as a table with nothing but what is needed."""
    setting = setting_of(shape)
    log = draw(shape, setting, np.random.default_rng(3))
    assert log.viewers is not None
    columns = {
        "propensity": log.propensity,
        "target_propensity": log.target,
        "reward": log.reward,
        "viewer": [f"v{viewer}" for viewer in log.viewers],
    }
    pq.write_table(pa.table(columns), path)
    return path, setting


def intervals(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["estimator"]: each["interval"] for each in found["estimates"]}


def test_rare_rewards_are_answered_with_the_row_that_was_not_seen(keyart: Command, tmp_path: Path) -> None:
    path, setting = written(RARE, tmp_path / "rare.parquet")
    found = keyart("evaluate", "--log", str(path), "--json").json()
    told = intervals(found)
    for name in ("ips", "snips"):
        assert told[name]["method"] == "cressie_read_clustered"
        assert told[name]["low"] <= setting.truth <= told[name]["high"]
    snips = next(each for each in found["estimates"] if each["estimator"] == "snips")
    assert {"viewer_clustered", "anytime_clustered"} <= {each["method"] for each in snips["intervals"]}
    assert "no bounds of weights are known" in found["diagnostics"]["interval_rule"]


def test_stated_bounds_are_reckoned_with(keyart: Command, tmp_path: Path) -> None:
    path, setting = written(RARE, tmp_path / "rare.parquet")
    highs: list[float] = []
    for heaviest in (setting.weight_range[1], 10 * setting.weight_range[1]):
        ranges = ("--reward-range", "0", "1", "--weight-range", "0", str(heaviest))
        found = keyart("evaluate", "--log", str(path), *ranges, "--json").json()
        assert "that the bounds of weights allow" in found["diagnostics"]["interval_rule"]
        highs.append(intervals(found)["snips"]["high"])
    assert highs[1] > 1.2 * highs[0]


def test_a_log_that_has_seen_enough_goes_by_its_viewers_spread(keyart: Command, tmp_path: Path) -> None:
    path, setting = written(LogShape(viewers=5000, each=20), tmp_path / "dense.parquet")
    interval = intervals(keyart("evaluate", "--log", str(path), "--json").json())["snips"]
    assert interval["method"] == "viewer_clustered"
    assert interval["low"] <= setting.truth <= interval["high"]
