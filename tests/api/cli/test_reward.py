"""`keyart reward list | revalue`, and `--reward` where a definition can be chosen."""

from pathlib import Path
from typing import get_args

import pyarrow.parquet
import pytest

from api.settings import Settings, load_settings
from api.storage.database import open_engine
from bandit.rewards import QUALITY_PLAY, REWARDS
from tests.api.cli.command import Command
from tests.api.installation import settings_in
from tests.api.learned import VIEWERS, Learned
from tests.api.older import forget_later_definitions

ROWS = 3 * VIEWERS * 2


def test_the_setting_knows_exactly_the_definitions() -> None:
    assert get_args(Settings.model_fields["reward"].annotation) == tuple(REWARDS)
    assert load_settings().reward == QUALITY_PLAY


def test_a_definition_that_does_not_exist_stops_the_start(keyart: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_REWARD", "clicks/1")
    assert "'quality_play/1', 'take/1' or 'watch_share/1'" in keyart("status").refusal()


def test_the_definitions_are_listed_with_their_purpose(
    keyart: Command, learned_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYART_REWARD", "take/1")
    listed = keyart("reward", "list", "--home", learned_home, "--json").json()["rewards"]
    assert [(each["definition"], each["rewards"], each["provisional"], each["learned"]) for each in listed] == [
        ("quality_play/1", ROWS, 0, False),
        ("take/1", ROWS, 0, True),
        ("watch_share/1", ROWS, 0, False),
    ]
    assert listed[0]["mean"] == pytest.approx(0.75 * listed[1]["mean"])
    assert "learned from" in keyart("reward", "list", "--home", learned_home).out


def test_a_definition_that_came_later_is_filled_in(keyart: Command, learned_home: Path) -> None:
    forget_later_definitions(open_engine(settings_in(learned_home).database_url))
    listed = keyart("reward", "list", "--home", learned_home, "--json").json()["rewards"]
    assert [each["rewards"] for each in listed] == [ROWS, 0, 0]
    assert keyart("reward", "revalue", "--home", learned_home, "--json").json() == {"pages": 3 * VIEWERS}
    listed = keyart("reward", "list", "--home", learned_home, "--json").json()["rewards"]
    assert {each["rewards"] for each in listed} == {ROWS}
    assert "valued again" in keyart("reward", "revalue", "--days", 1, "--home", learned_home).out


def test_a_version_is_learned_from_the_definition_that_is_asked_for(
    keyart: Command, learned_home: Path, learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = keyart("learn", "--reward", "take/1", "--home", learned_home, "--json").json()
    assert (asked["reward"], learned.manifest.reward) == ("take/1", "quality_play/1")
    assert asked["digest"] != learned.manifest.digest
    monkeypatch.setenv("KEYART_REWARD", "take/1")
    assert keyart("learn", "--home", learned_home, "--json").json()["digest"] == asked["digest"]


def test_an_evaluation_values_what_it_is_asked_to(keyart: Command, learned_home: Path) -> None:
    values = {}
    for reward in ("quality_play/1", "take/1"):
        found = keyart("evaluate", "--policy", "uniform", "--reward", reward, "--home", learned_home, "--json").json()
        values[reward] = next(each["value"] for each in found["estimates"] if each["estimator"] == "ips")
    assert values["quality_play/1"] == pytest.approx(0.75 * values["take/1"])


def test_the_export_carries_every_definition_as_a_column(keyart: Command, learned_home: Path, tmp_path: Path) -> None:
    keyart("log", "export", "--out", tmp_path / "log", "--reward", "watch_share/1", "--home", learned_home)
    rows = pyarrow.parquet.read_table(tmp_path / "log").to_pylist()
    assert len(rows) == ROWS
    played = next(row for row in rows if row["reward_take_1"])
    assert (played["reward_quality_play_1"], played["reward_watch_share_1"]) == (0.75, 0.5)
    assert (played["reward"], played["reward_definition"]) == (0.5, "watch_share/1")


@pytest.mark.parametrize(
    "command", [("learn",), ("evaluate", "--policy", "uniform"), ("log", "export", "--out", "log")], ids=lambda c: c[0]
)
def test_an_unknown_definition_is_one_line_with_the_list(
    keyart: Command, home: Path, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = keyart(*command, "--reward", "clicks/1", "--home", home).refusal()
    assert "clicks/1; choose one of quality_play/1, take/1, watch_share/1" in said
    assert list(tmp_path.glob("log")) == []
