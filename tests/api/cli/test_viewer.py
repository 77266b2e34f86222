"""`keyart viewer`: orders about single viewers, and everything that is no order."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.jobs.carrying import carry_over
from api.jobs.joining import join_rewards
from api.security import load_keys
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


def test_with_another_secret_than_the_database_is_used_with_nobody_is_said_to_be_erased(
    harbor: Installation, keyart: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbor.post_events(an_event("ada"))
    lines = Path("events.jsonl")
    lines.write_text(json.dumps(an_event("grace")))
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("KEYART_SECRET", "another secret, long enough")
        for order in ("erase", "exclude", "include"):
            assert "another secret" in keyart("viewer", order, "ada", "--home", harbor.home).refusal()
        assert "another secret" in keyart("events", "import", lines, "--home", harbor.home).refusal()
    told = keyart("viewer", "erase", "ada", "--home", harbor.home, "--json").json()
    assert told["erasures"][0]["events"] == 1


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


def test_a_viewer_is_named_by_pseudonym_after_rotations_too(harbor: Installation, keyart: Command) -> None:
    first = harbor.keys.pseudonym("ada")
    assert keyart("secret", "rotate", "--home", harbor.home).code == 0
    newest = load_keys(harbor.settings).pseudonym("ada")
    assert newest[0] == "g"
    for named in (first, newest):
        assert keyart("viewer", "exclude", named, "--pseudonym", "--home", harbor.home).code == 0
        listed = keyart("viewer", "excluded", "--home", harbor.home, "--json").json()["excluded"]
        assert newest in [each["viewer"] for each in listed]
    assert keyart("viewer", "include", newest, "--pseudonym", "--home", harbor.home).code == 0
    carry_over(harbor.engine, load_keys(harbor.settings))
    assert keyart("viewer", "excluded", "--home", harbor.home).out == "Nobody is left out.\n"
    assert "32" in keyart("viewer", "include", "ada", "--pseudonym", "--home", harbor.home).refusal()


def test_whoever_brought_most_is_found_by_pseudonym_and_left_out(harbor: Installation, keyart: Command) -> None:
    for number in range(6):
        viewer = "script" if number else "ada"
        [decision] = decisions_of(harbor.select(viewer=viewer))
        harbor.report(an_outcome(decision, event=f"e{number}", kind="watched" if number % 2 else "seen"))
    join_rewards(harbor.engine, windows=harbor.settings.windows, now=datetime.now(UTC))
    today = datetime.now(UTC).date()
    asked = ("viewer", "busiest", "--day", str(today), "--title", "harbor", "--home", harbor.home)
    told = keyart(*asked, "--json").json()
    busiest = told["viewers"][0]
    assert (told["count"], told["decisions"]) == (2, 6)
    assert (busiest["viewer"], busiest["decisions"], busiest["plays"]) == (harbor.keys.pseudonym("script"), 5, 3)
    assert (busiest["share"], busiest["excluded"]) == (1.0, None)
    robot = (busiest["viewer"], "--pseudonym", "--home", harbor.home)
    assert keyart("viewer", "exclude", *robot, "--reason", "robot").out == "The viewer counts no more.\n"
    text = keyart(*asked).out
    assert f"{busiest['viewer']}      5 seen      3 played  100.0% of the reward, left out: robot" in text
    assert "script" not in text
    assert keyart("viewer", "include", *robot).out == "The viewer counts again.\n"
    assert "no title" in keyart("viewer", "busiest", "--title", "nowhere", "--home", harbor.home).refusal()
    before = keyart("viewer", "busiest", "--day", "2020-01-01", "--title", "harbor", "--home", harbor.home, "--json")
    assert before.json()["viewers"] == []


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
        (("exclude", "ada", "--pseudonym"), "A pseudonym has 32 letters and digits"),
        (("exclude", "A" * 32, "--pseudonym"), "A pseudonym has 32 letters and digits"),
        (("include", "0" * 32, "--pseudonym"), "was not left out"),
        (("busiest", "--day", "yesterday"), "yesterday"),
        (("busiest", "--limit", "0"), "--limit"),
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
