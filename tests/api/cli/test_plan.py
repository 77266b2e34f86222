"""`keyart plan`: from a table or the installation's own log to a number of decisions; mistakes are one line."""

from pathlib import Path

import numpy as np
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]

from tests.api.cli.command import Command


def table(path: Path, *, rows: int = 2000, paid: float = 0.3) -> Path:
    rng = np.random.default_rng(1)
    shown = rng.choice(2, size=rows, p=[0.7, 0.3])
    columns = {
        "propensity": np.array([0.7, 0.3])[shown],
        "target_propensity": np.array([0.4, 0.6])[shown],
        "reward": (rng.random(rows) < paid).astype(float),
        "viewer": [f"v{number % 300}" for number in range(rows)],
        "artwork": np.array(["a", "b"])[shown],
        "artworks": [["a", "b"]] * rows,
        "probabilities": [[0.7, 0.3]] * rows,
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_a_table_is_planned_on_beside_its_own_column_and_beside_uniform(keyart: Command, tmp_path: Path) -> None:
    log = table(tmp_path / "log.parquet")
    found = keyart("plan", "--log", log, "--lift", 0.03, "--json").json()
    assert (found["rows"], found["refusals"]) == (2000, [])
    assert [each["lift"] for each in found["off_policy"]] == [0.005, 0.01, 0.02, 0.03, 0.05, 0.1]
    assert found["seen_now"] > 0.03
    uniform = keyart("plan", "--log", log, "--policy", "uniform", "--json").json()
    assert uniform["target"]["value"] == uniform["uniform"]["value"]
    assert len(uniform["prices"]) == 7
    told = keyart("plan", "--log", log, "--policy", "uniform")
    assert (told.code, "two equal cells" in told.out, "shown at random besides" in told.out) == (0, True, True)


def test_a_target_that_is_learned_from_the_log_first_can_be_planned_on(keyart: Command, tmp_path: Path) -> None:
    log = table(tmp_path / "log.parquet")
    found = keyart("plan", "--log", log, "--policy", "most-played", "--json").json()
    evaluated = keyart("evaluate", "--log", log, "--policy", "most-played", "--json").json()
    [snips] = [each["value"] for each in evaluated["estimates"] if each["estimator"] == "snips"]
    assert found["target"]["value"] == snips


def test_an_installations_own_log_is_planned_on(keyart: Command, learned_home: Path) -> None:
    found = keyart("plan", "--home", learned_home, "--json").json()
    assert found["rows"] > 100
    assert found["uniform"]["value"] > 0
    assert found["online"][0]["rows"] > found["online"][-1]["rows"]


def test_what_nothing_can_be_planned_on_is_one_line(keyart: Command, tmp_path: Path) -> None:
    few = keyart("plan", "--log", table(tmp_path / "few.parquet", rows=10))
    assert (few.code, few.out, "10 rows" in few.err) == (3, "", True)
    unpaid = keyart("plan", "--log", table(tmp_path / "unpaid.parquet", paid=0.0), "--json")
    assert (unpaid.code, "no_rewards" in unpaid.out) == (3, True)
    log = table(tmp_path / "log.parquet")
    assert "cannot be scored by squarecb-0" in keyart("plan", "--log", log, "--policy", "squarecb-0").refusal()
