"""`keyart audit`: an attribute that viewers' vectors give away, one that they do not, and files that are none."""

import random
from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.learned import VIEWERS, Learned, name_of


def table(folder: Path, values: dict[str, str]) -> Path:
    file = folder / "attribute.csv"
    lines = [f"{viewer},{value}\n" for viewer, value in values.items()]
    file.write_text("viewer,value\n" + "".join(lines))
    return file


def test_c10_what_the_vectors_give_away_is_found_and_what_they_do_not_is_cleared(
    keyart: Command, learned_home: Path, learned: Learned, tmp_path: Path
) -> None:
    viewers = [name_of(number) for number in range(VIEWERS)]
    version = ("--policy", learned.manifest.version, "--home", learned_home)
    told = {viewer: viewer.split("-")[0] for viewer in viewers} | {"a stranger": "odd"}
    leaking = table(tmp_path, told)
    found = keyart("audit", leaking, *version, "--json").json()
    assert (found["predicts"], found["viewers"], found["unknown_viewers"]) == (True, VIEWERS, 1)
    assert found["balanced_accuracy"] == 1.0
    assert max(found["groups"], key=found["groups"].get) == "viewer"
    assert "give this attribute away" in keyart("audit", leaking, *version).out
    chance = random.Random(4)
    cleared = table(tmp_path, {viewer: chance.choice(["yes", "no"]) for viewer in viewers})
    assert keyart("audit", cleared, *version, "--json").json()["predicts"] is False
    assert "do not tell this attribute" in keyart("audit", cleared, *version).out


def test_c11_nothing_of_the_file_is_kept(keyart: Command, learned_home: Path, learned: Learned, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in learned_home.rglob("*") if path.is_file()}
    values = {name_of(number): f"group-{number % 2}" for number in range(VIEWERS)}
    assert (
        keyart("audit", table(tmp_path, values), "--policy", learned.manifest.version, "--home", learned_home).code == 0
    )
    kept = {path for path in learned_home.rglob("*") if path.is_file() and b"group-1" in path.read_bytes()}
    assert not kept
    assert {path for path in before if "keyart.db" not in path.name} == {
        path for path in learned_home.rglob("*") if path.is_file() and "keyart.db" not in path.name
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("viewer,age\na,1\n", "viewer and value"),
        ("viewer,value\na,\n", "line 2"),
        ("viewer,value\na,1\na,2\n", "line 3"),
        ("", "viewer and value"),
        ("viewer,value\na,1\nb,2\n", "viewers"),
    ],
)
def test_a_file_that_cannot_be_audited_is_one_line(
    keyart: Command, learned_home: Path, learned: Learned, tmp_path: Path, text: str, named: str
) -> None:
    file = tmp_path / "attribute.csv"
    file.write_text(text)
    assert named in keyart("audit", file, "--policy", learned.manifest.version, "--home", learned_home).refusal()


def test_a_missing_file_and_a_version_that_looks_at_nothing_are_one_line(
    keyart: Command, home: Path, tmp_path: Path
) -> None:
    assert "cannot be read" in keyart("audit", tmp_path / "none.csv", "--home", home).refusal()
    assert "--policy" in keyart("audit", table(tmp_path, {"a": "1"}), "--home", home).refusal()
