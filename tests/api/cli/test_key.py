"""`keyart key …` and `keyart audit-log`: a key is printed once; what is wrong is one line and exit code 2."""

import re
from pathlib import Path

import pytest

from api.cli.first_key import tell_first_key
from api.storage.database import open_engine
from tests.api.cli.command import Command
from tests.api.installation import running, settings_in


def test_a_key_is_printed_once_and_opens(keyart: Command, home: Path) -> None:
    made = keyart("key", "create", "--scope", "analyst", "--name", "ann", "--home", home)
    assert made.code == 0, made.err
    key = made.out.strip()
    assert key.startswith("keyart_")
    assert "not shown again" in made.err
    with running(settings_in(home)) as started:
        bearer = {"Authorization": f"Bearer {key}"}
        assert started.http.get("/v1/policies", headers=bearer).status_code == 200
        assert started.http.get("/v1/keys", headers=bearer).status_code == 403
    listed = keyart("key", "list", "--home", home).out
    assert "ann" in listed
    assert key not in listed


def test_a_key_rotates_and_is_revoked(keyart: Command, home: Path) -> None:
    first = keyart("key", "create", "--scope", "serving", "--home", home, "--json").json()
    assert first["name"] == "serving"
    second = keyart("key", "rotate", "serving", "--expires-in-days", "90", "--home", home, "--json").json()
    assert second["expires_at"] is not None
    assert keyart("key", "revoke", first["prefix"], "--home", home).code == 0
    listed = keyart("key", "list", "--home", home, "--json").json()["keys"]
    assert {key["prefix"]: key["live"] for key in listed} == {first["prefix"]: False, second["prefix"]: True}
    revoked, rotated, created = keyart("audit-log", "--home", home, "--json").json()["entries"]
    assert [created["action"], rotated["action"], revoked["action"]] == ["key.create", "key.rotate", "key.revoke"]
    assert created["actor"].startswith("cli:")
    said = keyart("audit-log", "--subject", f"key/{first['prefix']}", "--limit", "1", "--home", home).out
    assert "key.revoke" in said
    assert "from the command line" in said


def test_the_first_key_is_told_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_in(home, admin_key=None)
    engine = open_engine(settings.database_url)
    for _ in range(2):
        tell_first_key(engine, settings)
    tell_first_key(engine, settings_in(home))
    [key] = re.findall(r"keyart_[0-9a-z]{10}_[0-9A-Za-z]{38}", capsys.readouterr().err)
    with running(settings) as started:
        assert started.http.get("/v1/keys", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    engine.dispose()


def test_where_the_database_is_down_no_key_is_promised(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "keyart.db").write_bytes(b"no database" * 1000)
    settings = settings_in(home, admin_key=None)
    tell_first_key(open_engine(settings.database_url), settings)
    assert "stay locked" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "--scope", "root"),
        ("create", "--scope", "serving", "--name", "a b"),
        ("create", "--scope", "serving", "--expires-in-days", "-1"),
        ("create", "--scope", "serving", "--expires-in-days", "0"),
        ("create", "--scope", "serving", "--expires-in-days", "1e12"),
        ("create", "--scope", "serving", "--expires-in-days", "nan"),
        ("create", "--scope", "serving", "--reason", " "),
        ("rotate", "nobody"),
        ("revoke", "0123456789"),
    ],
)
def test_what_is_wrong_is_one_line_and_makes_nothing(keyart: Command, home: Path, arguments: tuple[str, ...]) -> None:
    keyart("key", *arguments, "--home", home).refusal()
    assert keyart("key", "list", "--home", home, "--json").json()["keys"] == []
