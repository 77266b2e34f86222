"""`keyart secret rotate`: viewers stay who they are, decisions that are out there are still answered for."""

from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.installation import Installation, an_event, an_outcome, decisions_of, running, settings_in, unit_vector


def test_after_a_rotation_viewers_are_known_and_old_decisions_taken(harbor: Installation, keyart: Command) -> None:
    harbor.post_events(an_event("ada"))
    harbor.know_viewers({"ada": unit_vector("ada")})
    page = harbor.select(viewer="ada")
    before = harbor.keys.pseudonym("ada")
    told = keyart("secret", "rotate", "--home", harbor.home, "--json").json()
    assert told == {"secrets": 2, "viewers": 1}
    with running(settings_in(harbor.home)) as restarted:
        assert restarted.report(an_outcome(decisions_of(page)[0]))["accepted"] == 1
        assert restarted.keys.pseudonym("ada") != before
        after = decisions_of(restarted.select(viewer="ada"))[0]
        record = restarted.http.get(f"/v1/decisions/{after}").json()
        assert record["viewer"] == restarted.keys.pseudonym("ada")


def test_a_secret_of_the_environment_is_told_how(keyart: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_SECRET", "sixteen characters")
    refusal = keyart("secret", "rotate", "--home", home).refusal()
    assert "Add a line `since " in refusal
    assert "sixteen" not in refusal


def test_a_database_that_cannot_be_read_is_refused_before_anything_is_changed(keyart: Command, tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("a secret of the tests, long enough\n")
    assert "keyart migrate" in keyart("secret", "rotate", "--home", tmp_path).refusal()
    assert (tmp_path / "secret.key").read_text() == "a secret of the tests, long enough\n"
