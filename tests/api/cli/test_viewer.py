"""`keyart viewer`: orders about single viewers, and everything that is no order."""

import io
from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.installation import Installation, an_event, an_outcome, decisions_of


def test_a_viewer_is_erased_and_the_command_says_what_went(harbor: Installation, keyart: Command) -> None:
    harbor.post_events(an_event("ada"), an_event("grace"))
    harbor.report(an_outcome(decisions_of(harbor.select(viewer="ada"))[0]))
    told = keyart("viewer", "erase", "ada", "--home", harbor.home, "--json").json()
    assert told == {"erasures": [{"erasure": 1, "pages": 1, "events": 1, "export_rows": 0}]}
    again = keyart("viewer", "erase", "ada", "--home", harbor.home)
    assert (again.code, again.out) == (0, "Erasure 2: nothing was kept of this viewer.\n")
    assert keyart("viewer", "erase", "--resume", "--home", harbor.home).out == "No erasure waits.\n"


def test_the_id_may_come_on_standard_input(
    harbor: Installation, keyart: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbor.post_events(an_event("ada"))
    monkeypatch.setattr("sys.stdin", io.StringIO("ada\n"))
    told = keyart("viewer", "erase", "-", "--home", harbor.home, "--json").json()
    assert told["erasures"][0]["events"] == 1


def test_exclusions_are_ordered_listed_and_lifted(harbor: Installation, keyart: Command) -> None:
    keyart("viewer", "exclude", "ada", "--reason", "monitoring", "--home", harbor.home)
    [told] = keyart("viewer", "excluded", "--home", harbor.home, "--json").json()["excluded"]
    assert (told["viewer"], told["reason"]) == (harbor.keys.pseudonym("ada"), "monitoring")
    assert told["actor"].startswith("cli:")
    assert "monitoring" in keyart("viewer", "excluded", "--home", harbor.home).out
    assert keyart("viewer", "include", "ada", "--home", harbor.home).out == "The viewer counts again.\n"
    assert keyart("viewer", "excluded", "--home", harbor.home).out == "Nobody is left out.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("erase",), "Say whom to erase"),
        (("erase", "ada", "--resume"), "and not both"),
        (("erase", ""), "1 to 256 printable characters"),
        (("erase", "a\nb"), "1 to 256 printable characters"),
        (("erase", "a" * 257), "1 to 256 printable characters"),
        (("erase", "ada", "--exports", "nowhere"), "There is no folder nowhere"),
        (("exclude", ""), "1 to 256 printable characters"),
        (("exclude", "ada", "--reason", " "), "A reason has 1 to 60"),
        (("exclude", "ada", "--reason", "r" * 61), "A reason has 1 to 60"),
        (("include", "ada"), "was not left out"),
    ],
)
def test_what_is_no_order_is_refused_and_changes_nothing(
    keyart: Command, home: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in keyart("viewer", *arguments, "--home", home).refusal()
    assert keyart("viewer", "erase", "--resume", "--home", home).out == "No erasure waits.\n"
    assert keyart("viewer", "excluded", "--home", home).out == "Nobody is left out.\n"


def test_without_a_database_the_remedy_is_named(keyart: Command, tmp_path: Path) -> None:
    assert "keyart migrate" in keyart("viewer", "erase", "ada", "--home", tmp_path / "new").refusal()
