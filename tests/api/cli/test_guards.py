"""Orders from the command line: each says what became of it, and who is on the record."""

import getpass
from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.installation import running, settings_in


@pytest.fixture
def filled(home: Path) -> Path:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
    return home


def test_pin_share_schedule_list_and_lift(keyart: Command, filled: Path) -> None:
    where = ("--home", filled)
    pinned = keyart(
        "artwork", "pin", "harbor", "b", "--locale", "de", "--until", "2027-01-01T00:00:00Z", *where, "--json"
    ).json()
    keyart("artwork", "share", "harbor", "c", "--minimum", "0.2", "--reason", "a fair chance", *where)
    keyart("artwork", "schedule", "harbor", "c", "--from", "2026-01-01T00:00:00Z", *where)
    assert "no force any more" in keyart("artwork", "lift", "harbor", pinned["guard"], "--reason", "over", *where).out
    listed = keyart("artwork", "guards", "harbor", *where, "--json").json()["guards"]
    assert [(each["kind"], each["artwork"]) for each in listed] == [("schedule", "c"), ("share", "c"), ("pin", "b")]
    assert listed[2]["lifted"] | {"at": ""} == {"actor": f"cli:{getpass.getuser()}", "reason": "over", "at": ""}
    lines = keyart("artwork", "guards", "harbor", *where).out.splitlines()
    assert "minimum 0.2" in lines[1]
    assert "a fair chance" in lines[1]
    assert "lifted by" in lines[2]


def test_pause_resume_and_retire(keyart: Command, filled: Path) -> None:
    for verb, state in (("pause", "paused"), ("resume", "active"), ("retire", "retired")):
        ended = keyart("artwork", verb, "harbor", "b", "--reason", "contract", "--home", filled, "--json")
        assert ended.json() == {"title": "harbor", "artwork": "b", "state": state}
    assert "default of its title" in keyart("artwork", "pause", "harbor", "a", "--home", filled).refusal()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pin", "harbor", "zz"), "no artwork 'zz'"),
        (("pin", "nowhere", "a"), "no title 'nowhere'"),
        (("pin", "harbor", "b", "--until", "tomorrow"), "until"),
        (("schedule", "harbor", "b", "--from", "2026"), "from"),
        (("share", "harbor", "b"), "nothing"),
        (("share", "harbor", "b", "--minimum", "2"), "minimum"),
        (("lift", "harbor", "9"), "no guard 9"),
        (("guards", "nowhere"), "no title 'nowhere'"),
    ],
)
def test_what_cannot_be_ordered_is_one_line(
    keyart: Command, filled: Path, arguments: tuple[str, ...], told: str
) -> None:
    assert told in keyart("artwork", *arguments, "--home", filled).refusal()
