"""`keyart artwork report`: verdicts, forecasts and baits as people and programs read them."""

from pathlib import Path

from tests.api.cli.command import Command
from tests.api.installation import running, settings_in
from tests.api.jobs.test_judging import live_through_bait
from tests.api.learned import VIEWERS


def test_every_artwork_is_one_row(keyart: Command, learned_home: Path) -> None:
    found = keyart("artwork", "report", "--title", "harbor", "--home", learned_home, "--json").json()
    assert (found["reward"], found["rows"], found["skipped"]) == ("quality_play/1", 3 * VIEWERS, 0)
    told = {each["artwork"]: each for each in found["artworks"]}
    assert (told["c"]["verdict"], told["c"]["exploring"], told["c"]["more_decisions"]) == ("worse", False, 0)
    assert told["a"]["verdict"] == "undecided"
    assert told["a"]["more_decisions"] > 0
    assert set(told["a"]["bait"]) == {"index", "low", "high", "starts", "completion", "alarm"}
    table = keyart("artwork", "report", "--home", learned_home)
    assert table.code == 0
    for said in ("harbor/a", "tundra/c", "decided: worse", "valued by quality_play/1"):
        assert said in table.out


def test_a_bait_is_marked(keyart: Command, home: Path) -> None:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
        live_through_bait(installation)
    lines = keyart("artwork", "report", "--home", home).out.splitlines()
    assert [line for line in lines if "BAIT" in line]


def test_without_decisions_it_says_so_and_an_unknown_title_is_one_line(keyart: Command, home: Path) -> None:
    assert "No decision" in keyart("artwork", "report", "--home", home).out
    assert "nowhere" in keyart("artwork", "report", "--title", "nowhere", "--home", home).refusal()
