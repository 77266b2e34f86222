"""`keyart evaluate --log`: the same exact numbers from every format, refusals, mistakes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from tests.api.cli.command import Command
from tests.api.jobs import golden


def as_json_lines(table: pa.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


FORMATS: dict[str, Callable[[pa.Table, Path], Any]] = {
    "parquet": lambda table, path: pa.parquet.write_table(table, path),
    "csv": lambda table, path: pa.csv.write_csv(table, path),
    "jsonl": as_json_lines,
    "arrow": lambda table, path: pa.feather.write_feather(table, path, compression="uncompressed"),
    "feather": lambda table, path: pa.feather.write_feather(table, path),
}


def write(folder: Path, columns: dict[str, Any], *, form: str = "parquet", name: str = "log") -> Path:
    path = folder / f"{name}.{form}"
    FORMATS[form](pa.table(columns), path)
    return path


def estimates(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["estimator"]: each for each in found["estimates"]}


@pytest.mark.parametrize("form", FORMATS)
def test_golden_numbers_from_every_format(keyart: Command, tmp_path: Path, form: str) -> None:
    found = keyart("evaluate", "--log", write(tmp_path, golden.columns(), form=form), "--json").json()
    assert set(found) == {"rows", "viewers", "estimates", "diagnostics", "refusals"}
    assert (found["rows"], found["viewers"], found["refusals"]) == (12, None, [])
    ips, snips = estimates(found)["ips"], estimates(found)["snips"]
    assert ips["value"] == pytest.approx(golden.IPS, abs=1e-12)
    assert snips["value"] == pytest.approx(golden.SNIPS, abs=1e-12)
    assert set(ips["interval"]) == {"method", "low", "high", "level"}
    flat = json.dumps(found["diagnostics"])
    assert str(golden.MEAN_WEIGHT)[:12] in flat
    assert str(golden.EFFECTIVE_ROWS)[:12] in flat


def test_a_folder_of_files_is_one_log(keyart: Command, tmp_path: Path) -> None:
    whole = golden.columns()
    for part, (first, last) in enumerate(((0, 5), (5, 12))):
        write(tmp_path, {name: values[first:last] for name, values in whole.items()}, name=f"part-{part}")
    found = keyart("evaluate", "--log", tmp_path, "--json").json()
    assert found["rows"] == 12
    assert estimates(found)["ips"]["value"] == pytest.approx(golden.IPS, abs=1e-12)


def test_columns_of_other_names_are_mapped(keyart: Command, tmp_path: Path) -> None:
    theirs = {"propensity": "p", "reward": "clicked", "target_propensity": "pi"}
    log = write(tmp_path, {theirs[name]: values for name, values in golden.columns().items()}, form="csv")
    maps = [part for canonical, name in theirs.items() for part in ("--map", f"{canonical}={name}")]
    found = keyart("evaluate", "--log", log, *maps, "--json").json()
    assert estimates(found)["snips"]["value"] == pytest.approx(golden.SNIPS, abs=1e-12)


def test_whole_numbers_are_numbers(keyart: Command, tmp_path: Path) -> None:
    log = write(tmp_path, {**golden.columns(), "reward": golden.REWARD})
    assert estimates(keyart("evaluate", "--log", log, "--json").json())["ips"]["value"] == pytest.approx(golden.IPS)


def test_viewers_make_clusters(keyart: Command, tmp_path: Path) -> None:
    log = write(tmp_path, {**golden.columns(), "viewer": [f"v{number % 4}" for number in range(12)]})
    found = keyart("evaluate", "--log", log, "--json").json()
    assert found["viewers"] == 4
    assert "viewer" in estimates(found)["ips"]["interval"]["method"]


def test_the_uniform_target_needs_only_the_eligible_artworks(keyart: Command, tmp_path: Path) -> None:
    columns = {
        "propensity": [0.5, 0.25, 0.25, 1.0],
        "reward": [1.0, 0.0, 1.0, 0.5],
        "artworks": [["a", "b"], ["a", "b"], ["a", "b", "c", "d"], ["a"]],
    }
    found = keyart("evaluate", "--log", write(tmp_path, columns), "--policy", "uniform", "--json").json()
    assert estimates(found)["ips"]["value"] == pytest.approx((1 + 0 + 1 + 0.5) / 4)


def test_the_table_for_people_takes_names_as_they_are(keyart: Command, tmp_path: Path) -> None:
    columns = {
        "propensity": [0.5] * 40,
        "reward": [1.0, 0.0] * 20,
        "artworks": [["[/b]", "[red]x"]] * 40,
        "artwork": ["[/b]", "[red]x"] * 20,
        "probabilities": [[0.5, 0.5]] * 40,
        "viewer": [f"v{number}" for number in range(40)],
    }
    ended = keyart("evaluate", "--log", write(tmp_path, columns), "--policy", "uniform")
    assert (ended.code, ended.err) == (0, "")
    assert "[/b]" in ended.out
    assert "snips" in ended.out


@pytest.mark.parametrize(
    "changes",
    [
        {"propensity": [0.0, *golden.PROPENSITY[1:]]},
        {"propensity": [1.5, *golden.PROPENSITY[1:]]},
        {"propensity": [-0.5, *golden.PROPENSITY[1:]]},
        {"propensity": [None, *golden.PROPENSITY[1:]]},
        {"reward": [None, *golden.REWARD[1:]]},
        {"reward": [float("nan"), *golden.REWARD[1:]]},
        {"target_propensity": [2.0, *golden.TARGET_PROPENSITY[1:]]},
    ],
)
def test_faulty_rows_are_refused_as_bad_input(keyart: Command, tmp_path: Path, changes: dict[str, Any]) -> None:
    ended = keyart("evaluate", "--log", write(tmp_path, {**golden.columns(), **changes}), "--json")
    assert ended.code == 2
    found = json.loads(ended.out)
    assert found["estimates"] == []
    for refusal in found["refusals"]:
        assert {"code", "message", "remedy", "rows"} == set(refusal)
        assert refusal["remedy"]


def test_a_log_that_cannot_know_is_refused_with_code_three(keyart: Command, tmp_path: Path) -> None:
    ended = keyart(
        "evaluate", "--log", write(tmp_path, {**golden.columns(), "target_propensity": [0.0] * 12}), "--json"
    )
    assert (ended.code, ended.err) == (3, "")
    assert [refusal["code"] for refusal in json.loads(ended.out)["refusals"]] == ["no_overlap"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--policy", "default"), "A table cannot be scored by default"),
        (("--policy", "rules:nowhere.json"), "nowhere.json cannot be read as text"),
        (("--baseline", "target_propensity"), "--baseline target_propensity names no policy but a column"),
        (("--map", "reward"), "--map reward names no column"),
        (("--guard", "nowhere.json"), "Guards need a target that is not a column"),
    ],
)
def test_a_mistake_of_the_question_is_an_object_too(
    keyart: Command, tmp_path: Path, asked: tuple[str, ...], said: str
) -> None:
    ended = keyart("evaluate", "--log", write(tmp_path, golden.columns()), *asked, "--json")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    found = json.loads(ended.out)
    (refusal,) = found["refusals"]
    assert (refusal["code"], refusal["message"], found["estimates"]) == ("bad_input", said, [])
    assert ended.err == f"keyart: {refusal['message']}. {refusal['remedy']}.\n"


def test_an_empty_log_is_bad_input(keyart: Command, tmp_path: Path) -> None:
    empty: dict[str, Any] = {name: pa.array([], pa.float64()) for name in golden.columns()}
    ended = keyart("evaluate", "--log", write(tmp_path, empty))
    assert (ended.code, ended.out) == (2, "")
    assert "no row" in ended.err


def test_the_log_names_the_viewers_of_all_rows_or_of_none(keyart: Command, tmp_path: Path) -> None:
    mixed = write(tmp_path, {**golden.columns(), "viewer": ["v", *["w"] * 10, None]})
    assert "viewer" in keyart("evaluate", "--log", mixed).refusal()
    none = write(tmp_path, {**golden.columns(), "viewer": pa.nulls(12, pa.string())})
    assert keyart("evaluate", "--log", none, "--json").json()["viewers"] is None


def test_stated_bounds_that_hold_change_nothing(keyart: Command, tmp_path: Path) -> None:
    bounds = ("--reward-range", "0", "1", "--weight-range", "0", "8")
    found = keyart("evaluate", "--log", write(tmp_path, golden.columns()), *bounds, "--json").json()
    assert estimates(found)["ips"]["value"] == pytest.approx(golden.IPS, abs=1e-12)


def test_estimators_that_need_the_range_of_rewards_are_told_it(keyart: Command, tmp_path: Path) -> None:
    log = write(tmp_path, {**golden.columns(), "reward": [4.0 * reward for reward in golden.REWARD]})
    assert "ix" not in estimates(keyart("evaluate", "--log", log, "--json").json())
    stated = estimates(keyart("evaluate", "--log", log, "--reward-range", "0", "4", "--json").json())["ix"]
    alone = estimates(keyart("evaluate", "--log", write(tmp_path, golden.columns(), name="unit"), "--json").json())[
        "ix"
    ]
    assert stated["value"] == pytest.approx(4.0 * alone["value"])
    assert stated["chosen"]["lower_bound"] == pytest.approx(4.0 * alone["chosen"]["lower_bound"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--map", "reward=clicked"), "clicked"),
        (("--map", "reward"), "--map canonical=theirs"),
        (("--map", "price=reward"), "canonical"),
        (("--reward-range", "0", "0.5"), "outside 0 to 0.5"),
        (("--weight-range", "0", "4"), "outside 0 to 4"),
        (("--policy", "squarecb-000000000000"), "uniform"),
        (("--policy", "uniform"), "artworks"),
        (("--level", "0.2"), "level"),
    ],
)
def test_a_wrong_option_is_one_line(keyart: Command, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in keyart("evaluate", "--log", write(tmp_path, golden.columns()), *arguments).refusal()


@pytest.mark.parametrize("missing", ["propensity", "reward", "target_propensity"])
@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_a_missing_column_is_one_line_that_says_how_to_name_it(
    keyart: Command, tmp_path: Path, missing: str, form: str
) -> None:
    columns = {name: values for name, values in golden.columns().items() if name != missing}
    refused = keyart("evaluate", "--log", write(tmp_path, columns, form=form)).refusal()
    assert f"--map {missing}=COLUMN" in refused


def test_unreadable_files_are_one_line(keyart: Command, tmp_path: Path) -> None:
    assert "nowhere" in keyart("evaluate", "--log", tmp_path / "nowhere.csv").refusal()
    assert "folder" in keyart("evaluate", "--log", tmp_path).refusal()
    (tmp_path / "log.xlsx").write_text("x")
    assert ".parquet" in keyart("evaluate", "--log", tmp_path / "log.xlsx").refusal()
    (tmp_path / "log.parquet").write_text("this is no parquet")
    assert "cannot be read" in keyart("evaluate", "--log", tmp_path / "log.parquet").refusal()
    (tmp_path / "log.csv").write_text("propensity,reward,target_propensity\n0.5,a lot,0.5\n")
    assert "reward" in keyart("evaluate", "--log", tmp_path / "log.csv").refusal()
    (tmp_path / "log.csv").write_text("propensity,reward,target_propensity\n0.5,1\n")
    keyart("evaluate", "--log", tmp_path / "log.csv").refusal()
    (tmp_path / "log.jsonl").write_text('{"propensity": 0.5\n')
    keyart("evaluate", "--log", tmp_path / "log.jsonl").refusal()
    (tmp_path / "log.csv").write_text("")
    keyart("evaluate", "--log", tmp_path / "log.csv").refusal()
    (tmp_path / "mixed").mkdir()
    write(tmp_path / "mixed", {**golden.columns()}, name="a")
    write(tmp_path / "mixed", {**golden.columns(), "reward": ["much"] * 12}, name="b")
    keyart("evaluate", "--log", tmp_path / "mixed").refusal()


@pytest.mark.parametrize(
    "changes",
    [
        {"artworks": ["a", "b"]},
        {"artworks": [["a"], []]},
        {"artworks": [["a"], None]},
        {"artwork": ["a", "z"], "probabilities": [[0.5, 0.5], [0.5, 0.5]]},
        {"artwork": ["a", "b"], "probabilities": [[1.0], [0.5, 0.5]]},
        {"artwork": ["a", "b"], "probabilities": [[0.5, 0.5], None]},
        {"artwork": ["a", "b"], "probabilities": ["x", "y"]},
        {"artwork": ["a", "b"], "probabilities": [["x", "y"], ["x", "y"]]},
        {"artworks": [["a", "b"], ["a"]], "artwork": ["a", "a"], "probabilities": [[1.0], [0.5, 0.5]]},
    ],
)
def test_wrong_lists_are_one_line(keyart: Command, tmp_path: Path, changes: dict[str, Any]) -> None:
    columns = {"propensity": [0.5, 0.5], "reward": [1.0, 0.0], "artworks": [["a", "b"], ["a", "b"]], **changes}
    keyart("evaluate", "--log", write(tmp_path, columns), "--policy", "uniform").refusal()


def test_artworks_of_two_titles_are_not_taken_for_one(tmp_path: Path, keyart: Command) -> None:
    """Title x shows `a` four times in five, y one time in five, both logged as .5: together they look calibrated."""
    rows = [("x", "a" if number % 5 else "b") for number in range(500)]
    rows += [("y", "b" if number % 5 else "a") for number in range(500)]
    log = write(
        tmp_path,
        {
            "title": [title for title, _ in rows],
            "artwork": [artwork for _, artwork in rows],
            "artworks": [["a", "b"]] * len(rows),
            "probabilities": [[0.5, 0.5]] * len(rows),
            "propensity": [0.5] * len(rows),
            "reward": [float(number % 2) for number in range(len(rows))],
        },
    )
    found = json.loads(keyart("evaluate", "--log", str(log), "--policy", "uniform", "--json").out)
    worst = {one["artwork"]: one["mean"] for one in found["diagnostics"]["calibration"]["worst"]}
    assert found["diagnostics"]["calibration"]["artworks"] == 4
    assert worst["x/a"] == pytest.approx(1.6)
    assert worst["y/a"] == pytest.approx(0.4)


@pytest.mark.parametrize("form", FORMATS)
def test_rows_count_as_often_as_they_stand_for_decisions_and_the_excluded_not_at_all(
    keyart: Command, tmp_path: Path, form: str
) -> None:
    columns = golden.columns()
    twice = {name: [*values[:3], *values[:3], *values[3:]] for name, values in columns.items()}
    once = {**columns, "kept": [0.5] * 3 + [1.0] * 9, "excluded": [""] * 12 if form == "csv" else [None] * 12}
    robot = {name: [*values, values[0]] for name, values in once.items()} | {"excluded": [*once["excluded"], "pages"]}
    found = keyart("evaluate", "--log", write(tmp_path, robot, form=form), "--json").json()
    copied = keyart("evaluate", "--log", write(tmp_path, twice, form=form, name="copied"), "--json").json()
    assert found["rows"] == 12
    for name in ("ips", "snips"):
        assert estimates(found)[name]["value"] == pytest.approx(estimates(copied)[name]["value"], abs=1e-12)
