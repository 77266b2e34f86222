"""`keyart learn`, `evaluate --policy`, `promote`, `rollback`: from a log to deciding and back, in four commands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.installation import running, settings_in
from tests.api.learned import Learned


def test_from_a_log_to_deciding_and_back(keyart: Command, learned_home: Path, learned: Learned) -> None:
    version = learned.manifest.version
    manifest = keyart("learn", "--home", learned_home, "--json").json()
    assert (manifest["version"], manifest["digest"]) == (version, learned.manifest.digest)
    assert f"keyart evaluate --policy {version}" in keyart("learn", "--home", learned_home).out
    found = keyart("evaluate", "--policy", version, "--home", learned_home, "--json").json()
    asked = found["diagnostics"]["question"]
    assert (asked["target"], asked["baseline"], asked["reward"]) == (version, "uniform", "quality_play/1")
    assert found["rows"] == learned.manifest.held_out
    assert {"ips", "snips", "replay"} < {each["estimator"] for each in found["estimates"]}
    assert found["refusals"] == []
    table = keyart("evaluate", "--policy", version, "--home", learned_home)
    assert (table.code, "snips" in table.out, "held out from learning" in table.out) == (0, True, True)
    promoted = keyart("promote", version, "--reason", "it is better", "--home", learned_home, "--json").json()
    assert promoted == {"version": version, "stage": "live"}
    assert "live already" in keyart("promote", version, "--home", learned_home).refusal()
    with running(settings_in(learned_home)) as installation:
        assert installation.select("harbor")["policy"] == version
        assert installation.http.get("/v1/policies").json()["deployments"][0]["reason"] == "it is better"
    back = keyart("rollback", "--home", learned_home, "--json").json()
    assert back == {"version": "uniform", "rolled_back": version}
    assert "no version before" in keyart("rollback", "--home", learned_home).refusal()


@pytest.mark.parametrize("damage", [lambda data: data[:-7], lambda data: data[:90] + b"?" + data[91:], lambda _: b""])
def test_a_damaged_model_is_one_line_and_changes_nothing(
    keyart: Command, learned_home: Path, learned: Learned, damage: Callable[[bytes], bytes]
) -> None:
    file = learned_home / "models" / learned.manifest.digest
    file.write_bytes(damage(file.read_bytes()))
    version = learned.manifest.version
    for command in (("promote", version), ("evaluate", "--policy", version)):
        assert "Restore it from a backup" in keyart(*command, "--home", learned_home).refusal()
    assert keyart("status", "--home", learned_home, "--json").json()["policy"] == "uniform"


def test_an_unknown_or_unnamed_version_is_one_line(keyart: Command, home: Path) -> None:
    assert "squarecb-0" in keyart("promote", "squarecb-0", "--home", home).refusal()
    assert "squarecb-0" in keyart("evaluate", "--policy", "squarecb-0", "--home", home).refusal()
    assert "--policy" in keyart("evaluate", "--home", home).refusal()


def test_nothing_to_learn_from_is_one_line(keyart: Command, home: Path) -> None:
    assert "keyart worker" in keyart("learn", "--home", home).refusal()
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
        installation.select("harbor")
    assert "report outcomes" in keyart("learn", "--home", home).refusal()


def test_an_empty_log_is_bad_input(keyart: Command, home: Path) -> None:
    ended = keyart("evaluate", "--policy", "uniform", "--home", home)
    assert (ended.code, ended.out) == (2, "")
    assert "no row" in ended.err


def test_a_version_through_the_stages_in_commands(keyart: Command, learned_home: Path, learned: Learned) -> None:
    version = learned.manifest.version

    def stages() -> dict[str, str]:
        listed = keyart("policies", "--home", learned_home, "--json").json()["versions"]
        return {each["version"]: each["stage"] for each in listed}

    assert stages() == {version: "candidate", "uniform": "live", "default": "candidate"}
    assert keyart("promote", version, "--stage", "shadow", "--home", learned_home, "--json").json()["stage"] == "shadow"
    assert "share" in keyart("promote", version, "--stage", "canary", "--home", learned_home).refusal()
    said = keyart("promote", version, "--stage", "canary", "--share", "0.1", "--home", learned_home)
    assert (said.code, said.out) == (0, f"{version} is canary for 10.0% of the viewers.\n")
    assert stages()[version] == "canary"
    status = keyart("status", "--home", learned_home, "--json").json()
    assert (status["policy"], status["canary"], status["shadow"]) == ("uniform", version, None)
    assert keyart("retire", version, "--home", learned_home, "--json").json() == {
        "version": version,
        "stage": "retired",
    }
    table = keyart("policies", "--home", learned_home).out
    assert version in table
    assert "candidate" in table  # whole words, however narrow a pipe is taken to be


def test_an_empty_reason_is_one_line(keyart: Command, home: Path) -> None:
    for command in (("promote", "uniform"), ("rollback",), ("artwork", "pause", "harbor", "wide")):
        assert "say why" in keyart(*command, "--reason", " ", "--home", home).refusal()


def test_the_gate_speaks_in_one_line_and_force_overrides_it(
    keyart: Command, learned_home: Path, learned: Learned
) -> None:
    version = learned.manifest.version
    assert keyart("promote", "default", "--home", learned_home).code == 0
    refusal = keyart("promote", version, "--home", learned_home).refusal()
    assert "compared with uniform, and default is live" in refusal
    assert f"keyart evaluate --policy {version}" in refusal
    forced = keyart("promote", version, "--force", "--home", learned_home, "--json").json()
    assert forced == {"version": version, "stage": "live"}
