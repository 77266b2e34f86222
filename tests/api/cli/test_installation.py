"""`keyart migrate`, `status`, `worker --once`, `events import`, `foundation`: an installation from the command line."""

import json
from pathlib import Path

import pysqlite3
import pytest

from api.storage.database import open_engine
from tests.api.cli.command import Command
from tests.api.installation import AT, an_event, running, settings_in


def test_migrate_makes_the_tables_and_may_be_repeated(keyart: Command, tmp_path: Path) -> None:
    home = tmp_path / "new"
    first = keyart("migrate", "--home", home, "--json").json()
    assert keyart("migrate", "--home", home, "--json").json() == first
    assert first["revision"] in keyart("migrate", "--home", home).out
    status = keyart("status", "--home", home, "--json").json()
    assert (status["policy"], status["titles"], status["decisions"]) == ("uniform", 0, 0)


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("learn",),
        ("rollback",),
        ("promote", "squarecb-000000000000"),
        ("evaluate", "--policy", "uniform"),
        ("catalog", "list"),
        ("foundation", "train"),
        ("foundation", "embed"),
        ("log", "export", "--out", "log"),
        ("viewer", "erase", "ada"),
        ("viewer", "exclude", "ada"),
        ("secret", "rotate"),
        ("worker", "--once"),
    ],
    ids=" ".join,
)
def test_a_database_that_was_never_migrated_is_one_line_with_the_remedy_and_none_is_made(
    keyart: Command, tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert "keyart migrate" in keyart(*command, "--home", tmp_path / "bare").refusal()
    assert not (tmp_path / "bare").exists()


def test_the_home_folder_comes_from_the_environment_too(
    keyart: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYART_HOME", str(home))
    assert keyart("status", "--json").json()["policy"] == "uniform"


def test_a_wrong_setting_is_one_line(keyart: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_SELECT_BUDGET_MS", "soon")
    assert "KEYART_SELECT_BUDGET_MS" in keyart("status", "--home", home).refusal()
    monkeypatch.delenv("KEYART_SELECT_BUDGET_MS")
    monkeypatch.setenv("KEYART_DATABASE_URL", "mysql://host/name")
    assert "mysql" in keyart("status", "--home", home).refusal()


def test_a_database_that_is_no_database_is_one_line(keyart: Command, home: Path) -> None:
    (home / "keyart.db").write_bytes(b"this is no database at all" * 100)
    assert "damaged" in keyart("status", "--home", home).refusal()


def test_status_says_what_is_there(keyart: Command, home: Path) -> None:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
        installation.post_events(an_event())
        installation.select("harbor")
    status = keyart("status", "--home", home, "--json").json()
    assert (status["titles"], status["viewers"], status["events"]) == (1, 1, 1)
    assert (status["pages"], status["decisions"], status["artworks"]["active"]) == (1, 1, 3)
    assert "uniform" in keyart("status", "--home", home).out


def test_events_come_from_a_file_once(keyart: Command, home: Path, tmp_path: Path) -> None:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
    file = tmp_path / "history.jsonl"
    file.write_text(
        "\n".join(json.dumps(each) for each in (an_event(), an_event(), an_event(title="nowhere"))) + "\n\n"
    )
    taken = keyart("events", "import", file, "--home", home, "--json").json()
    assert taken == {"accepted": 2, "duplicates": 0, "rejected": 1}
    assert keyart("events", "import", file, "--home", home, "--json").json()["duplicates"] == 2


@pytest.mark.parametrize("line", ["{", '{"event": "e"}', '{"viewer": NaN}', "\xff\xfe"])
def test_a_wrong_line_is_named_by_its_number(keyart: Command, home: Path, tmp_path: Path, line: str) -> None:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
    file = tmp_path / "history.jsonl"
    file.write_bytes((json.dumps(an_event()) + "\n").encode() + line.encode("latin-1") + b"\n")
    assert "line 2" in keyart("events", "import", file, "--home", home).refusal()
    assert "nowhere.jsonl" in keyart("events", "import", "nowhere.jsonl", "--home", home).refusal()


def test_without_enough_events_the_foundation_says_what_to_send(keyart: Command, home: Path) -> None:
    assert "POST /v1/events" in keyart("foundation", "train", "--home", home).refusal()
    for command in ("evaluate", "embed", "inspect"):
        assert "keyart foundation train" in keyart("foundation", command, "--home", home).refusal()


def test_a_worker_with_nothing_to_do_ends(keyart: Command, home: Path) -> None:
    assert keyart("worker", "--once", "--home", home, "--json").json() == {"ended": True}


def test_a_locked_database_is_one_line(keyart: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
        page = installation.select(at=AT)
    assert page["logged"]
    monkeypatch.setitem(open_engine.__kwdefaults__, "busy_seconds", 0.1)
    monkeypatch.setenv("KEYART_DATABASE_URL", f"sqlite:///{home}/keyart.db")
    holder = pysqlite3.connect(str(home / "keyart.db"), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert "locked" in keyart("promote", "default", "--home", home).refusal()
        assert keyart("status", "--home", home, "--json").json()["pages"] == 1
    finally:
        holder.execute("ROLLBACK")
        holder.close()
