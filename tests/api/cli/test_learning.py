"""`keyart learn`: which learner, how it forgets, from where; what cannot be is one line."""

from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.installation import an_outcome, running, settings_in
from tests.api.learned import VIEWERS, Learned, name_of


def live_on(home: Path) -> int:
    with running(settings_in(home)) as installation:
        pages = [installation.select("harbor", viewer=name_of(number)) for number in range(20)]
        installation.report(*(an_outcome(slot["decision"], "seen") for page in pages for slot in page["slots"]))
    return len(pages)


def test_the_learner_can_be_chosen_and_is_told(keyart: Command, learned_home: Path, learned: Learned) -> None:
    shipped = keyart("learn", "--learner", "linear", "--home", learned_home, "--json").json()
    assert (shipped["learner"], shipped["digest"]) == ("linear", learned.manifest.digest)
    assert shipped["rows"] == shipped["examples"] == learned.manifest.rows
    assert (shipped["skipped"], shipped["onward"], shipped["provisional"]) == (0, False, False)
    engine = keyart("learn", "--learner", "vowpal", "--home", learned_home, "--json").json()
    assert (engine["learner"], engine["rows"], engine["sums"]) == ("vowpal", learned.manifest.rows, None)
    listed = keyart("policies", "--home", learned_home, "--json").json()["versions"]
    assert {shipped["version"], engine["version"]} <= {each["version"] for each in listed}


def test_a_half_life_is_the_linear_learners(keyart: Command, learned_home: Path, learned: Learned) -> None:
    found = keyart("learn", "--half-life", 90, "--home", learned_home, "--json").json()
    assert found["settings"]["half_life_days"] == 90.0
    assert found["digest"] != learned.manifest.digest
    refused = keyart("learn", "--learner", "vowpal", "--half-life", 90, "--home", learned_home).refusal()
    assert "--learner linear" in refused


def test_what_one_decision_may_weigh_is_bounded_for_the_engine_and_can_be_for_both(
    keyart: Command, learned_home: Path
) -> None:
    for options, clip in (((), 20.0), (("--clip", 3), 3.0)):
        told = keyart("learn", "--learner", "vowpal", *options, "--home", learned_home, "--json").json()
        assert told["settings"]["clip"] == clip
    assert "clip" not in keyart("learn", "--home", learned_home, "--json").json()["settings"]
    assert keyart("learn", "--clip", 5, "--home", learned_home, "--json").json()["settings"]["clip"] == 5.0
    for clip in ("0.5", "nan", "inf", "much"):
        keyart("learn", "--clip", clip, "--home", learned_home).refusal()


@pytest.mark.parametrize("days", ["0", "-3", "nan", "inf"])
def test_a_half_life_that_is_none_is_one_line(keyart: Command, learned_home: Path, days: str) -> None:
    assert "for example --half-life 90" in keyart("learn", "--half-life", days, "--home", learned_home).refusal()


def test_learning_goes_on_from_a_version(keyart: Command, learned_home: Path, learned: Learned) -> None:
    version = learned.manifest.version
    assert "report outcomes" in keyart("learn", "--from", version, "--home", learned_home).refusal()
    more = live_on(learned_home)
    assert "uniform has learned nothing" in keyart("learn", "--onward", "--home", learned_home).refusal()
    found = keyart("learn", "--onward", "--from", version, "--home", learned_home, "--json").json()
    assert (found["onward"], found["parent"], found["rows"] + found["held_out"]) == (True, version, more)
    assert f"since {version}" in keyart("learn", "--from", version, "--home", learned_home).out
    for options in (("--learner", "vowpal"), ("--half-life", 90), ("--reward", "take/1")):
        refused = keyart("learn", "--from", version, *options, "--home", learned_home).refusal()
        assert "learn from the start" in refused


def test_how_many_artworks_are_settled_is_said(
    keyart: Command, learned_home: Path, learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYART_EXPLORATION_BUDGET", "20")
    assert VIEWERS > 20
    found = keyart("learn", "--home", learned_home, "--json").json()
    assert found["settled"] == 6 > learned.manifest.settled
    assert "6 artworks have a verdict or spent their budget" in keyart("learn", "--home", learned_home).out
