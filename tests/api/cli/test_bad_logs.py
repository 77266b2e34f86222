"""Every kind of bad log that `keyart evaluate` must name: its code, its rows, exit code 2, and nothing written."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.api.cli.command import Command

ROWS = 60
NAMES = ["a", "b", "c"]


def sound() -> dict[str, Any]:
    """A log that nothing is wrong with: 30 viewers, drawn from a distribution that never changes."""
    draws = np.random.default_rng(7).choice(3, size=ROWS, p=[0.5, 0.3, 0.2]).tolist()
    logged = [0.5, 0.3, 0.2]
    return {
        "decision": [f"d{row}" for row in range(ROWS)],
        "viewer": [f"v{row % 30}" for row in range(ROWS)],
        "title": ["t"] * ROWS,
        "artworks": [NAMES] * ROWS,
        "artwork": [NAMES[drawn] for drawn in draws],
        "probabilities": [logged] * ROWS,
        "propensity": [logged[drawn] for drawn in draws],
        "target_propensity": [[0.4, 0.3, 0.3][drawn] for drawn in draws],
        "target_probabilities": [[0.4, 0.3, 0.3]] * ROWS,
        "reward": [float(row % 3 == 0) for row in range(ROWS)],
        "embedding_version": ["clip/1"] * ROWS,
    }


def changed(name: str, *values: Any, begin: int = 0) -> dict[str, Any]:
    """The sound log with other values in some rows of a column."""
    column = [*sound()[name]]
    column[begin : begin + len(values)] = values
    return {**sound(), name: column}


def only(*names: str, **others: Any) -> dict[str, Any]:
    """Some columns of the sound log, and others."""
    return {**{name: sound()[name] for name in names}, **others}


SHOWS_A = sound()["artwork"].index("a")
PLAIN = ("viewer", "propensity", "target_propensity", "reward")


@dataclass(frozen=True)
class Bad:
    """What is wrong, the code it is named by, and the rows that are named."""

    columns: Mapping[str, Any]
    code: str
    rows: tuple[int, ...] | None = ()
    options: tuple[str, ...] = ()
    spoil: Callable[[bytes], bytes] = field(default=lambda whole: whole)


def bare(**changes: Any) -> dict[str, Any]:
    return {**only(*PLAIN), **changes}


def spoiled(name: str, *values: Any) -> dict[str, Any]:
    """The plain log (no lists) with other values from row 5 on."""
    column: list[Any] = [*sound()[name]]
    column[5 : 5 + len(values)] = values
    return bare(**{name: column})


CASES = {
    "empty": Bad({name: pa.array([], pa.float64()) for name in PLAIN[1:]}, "no_rows"),
    "one viewer": Bad(bare(viewer=["v"] * ROWS), "one_viewer", None),
    "zero rewards": Bad(bare(reward=[0.0] * ROWS), "no_rewards", None),
    "all rewards": Bad(bare(reward=[1.0] * ROWS), "only_rewards", None, ("--reward-range", "0", "1")),
    "p is 0": Bad(spoiled("propensity", 0.0), "propensity_outside_unit", (5,)),
    "p is NaN": Bad(spoiled("propensity", float("nan"), float("nan")), "propensity_outside_unit", (5, 6)),
    "p is missing": Bad(spoiled("propensity", None), "propensity_outside_unit", (5,)),
    "p is 1.5": Bad(spoiled("propensity", 1.5), "propensity_outside_unit", (5,)),
    "p is negative": Bad(spoiled("propensity", -0.5), "propensity_outside_unit", (5,)),
    "no propensities": Bad(only("viewer", "target_propensity", "reward"), "no_propensities"),
    "reward is infinite": Bad(spoiled("reward", float("inf")), "reward_missing", (5,)),
    "reward is missing": Bad(spoiled("reward", None), "reward_missing", (5,)),
    "reward outside its range": Bad(spoiled("reward", 7.0), "reward_outside_range", (5,), ("--reward-range", "0", "1")),
    "weight outside its range": Bad(bare(), "weight_outside_range", None, ("--weight-range", "0", "1")),
    "duplicated decisions": Bad(changed("decision", "d3", begin=9), "duplicated_decisions", (3, 9)),
    "target outside [0, 1]": Bad(spoiled("target_propensity", 1.5), "target_outside_unit", (5,)),
    "target is no distribution": Bad(
        changed("target_probabilities", [0.4, 0.4, 0.4], begin=5), "target_not_a_distribution", (5,)
    ),
    "log is no distribution": Bad(
        changed("probabilities", [0.5, 0.3, 0.1], begin=SHOWS_A), "log_not_a_distribution", (SHOWS_A,)
    ),
    "propensity of another entry": Bad(changed("propensity", 0.9, begin=5), "propensity_contradicts", (5,)),
    "unknown artwork": Bad(changed("artwork", "z", begin=5), "unknown_artwork", (5,)),
    "no eligible artworks": Bad(changed("artworks", [], begin=5), "no_eligible_artworks", (5,)),
    "two embedding versions": Bad(changed("embedding_version", "clip/2", begin=5), "embedding_versions_mixed", (0, 5)),
    "kept outside (0, 1]": Bad(bare(kept=[1.0] * 5 + [0.0] + [1.0] * 54), "kept_outside_unit", (5,)),
    "some viewers missing": Bad(spoiled("viewer", None), "names_missing", (5,)),
    "truncated": Bad(bare(), "unreadable_file", (), (), lambda whole: whole[:-60]),
    "damaged within": Bad(bare(), "unreadable_file", (), (), lambda whole: whole[:4] + b"\xff" * 200 + whole[204:]),
    "no Parquet": Bad(bare(), "unreadable_file", (), (), lambda whole: b"propensity,reward\n"),
    "wrong type": Bad(bare(), "wrong_type", tuple(range(10)), ("--map", "reward=viewer")),
    "some of the wrong type": Bad(bare(reward=["1"] * 5 + ["much"] + ["0"] * 54), "wrong_type", (5,)),
    "lists of the wrong type": Bad(bare(artworks=["a"] * ROWS), "wrong_type", tuple(range(10))),
    "no such column": Bad(bare(), "column_missing", (), ("--map", "reward=clicked")),
    "no target": Bad(only("propensity", "reward"), "column_missing"),
}


@pytest.fixture
def keyart(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def write(folder: Path, bad: Bad) -> Path:
    path = folder / "log.parquet"
    pq.write_table(pa.table(dict(bad.columns)), path, compression="none", use_dictionary=False)
    path.write_bytes(bad.spoil(path.read_bytes()))
    return path


def test_the_sound_log_is_sound(keyart: Command, tmp_path: Path) -> None:
    for columns in (sound(), bare()):
        found = keyart("evaluate", "--log", write(tmp_path, Bad(columns, "")), "--json").json()
        assert (found["rows"], found["refusals"]) == (ROWS, [])


@pytest.mark.parametrize("name", CASES)
def test_a_bad_log_is_named_with_its_rows_and_nothing_is_written(keyart: Command, tmp_path: Path, name: str) -> None:
    bad = CASES[name]
    log = write(tmp_path, bad)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    report = ("--html", tmp_path / "report.html")
    ended = keyart("evaluate", "--log", log, *bad.options, *report, "--json")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1), (ended.out, ended.err)
    assert ".." not in ended.err
    found = json.loads(ended.out)
    assert found["estimates"] == []
    named = {refusal["code"]: refusal for refusal in found["refusals"]}
    assert bad.code in named, named.keys()
    told = named[bad.code]
    assert set(told) >= {"code", "message", "remedy", "rows"}
    assert told["message"]
    assert told["remedy"]
    if bad.rows is not None:
        assert told["rows"] == list(bad.rows)
    without_json = keyart("evaluate", "--log", log, *bad.options, *report)
    assert (without_json.code, without_json.out, len(without_json.err.splitlines())) == (2, "", 1)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
