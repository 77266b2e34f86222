"""`keyart tune`: a short search from the command line, and what it refuses in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from api.jobs import tuning
from bandit.tuning.playing import play_run
from bandit.tuning.search import Player
from tests.api.cli.command import Command

QUICK = ("--world", "strong", "--world", "strong", "--seeds", 1)


@pytest.fixture
def played_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds are played in this process: that other ones play the same is tested in tests/api/jobs/test_tuning.py."""

    @contextmanager
    def here(jobs: int) -> Iterator[Player]:
        yield lambda runs: map(play_run, runs)

    monkeypatch.setattr(tuning, "players", here)


def test_a_search_is_told_as_an_object(keyart: Command) -> None:
    told = keyart("tune", *QUICK, "--set", "epsilon=0.01,0.005", "--decisions", 200, "--rounds", 2, "--json").json()
    assert (told["worlds"], told["seeds"], told["decisions"], told["rounds"]) == (["strong"], 1, 200, 2)
    assert told["shipped"] | {"learner": "linear", "epsilon": 0.01, "half_life_days": None} == told["shipped"]
    shipped, bold = told["tried"]
    assert (shipped["name"], shipped["shipped"], shipped["settings"]) == ("as shipped", True, told["shipped"])
    assert (bold["name"], bold["shipped"]) == ("epsilon=0.005", False)
    assert bold["settings"] == told["shipped"] | {"epsilon": 0.005}
    assert (shipped["smallest_probability"], bold["smallest_probability"]) == (0.00125, 0.000625)
    assert shipped["against"] is None
    assert "below 0.001" in bold["against"]
    assert 0.0 < shipped["final_gap"]["mean"] == shipped["worlds"]["strong"]["final_gap"]["mean"] < 1.0
    assert bold["ahead"]["mean"] == bold["final_gap"]["mean"] - shipped["final_gap"]["mean"]
    assert (told["best"], told["clearly_better"]) == ("as shipped", None)


@pytest.mark.usefixtures("played_here")
def test_a_search_is_told_as_a_table(keyart: Command) -> None:
    text = keyart("tune", *QUICK, "--set", "epsilon=0.5", "--decisions", 40, "--rounds", 1, "--least-probability", 0.2)
    assert (text.code, text.err) == (0, "")
    lines = text.out.splitlines()
    heads = "settings final gap ahead of shipped strong online smallest p seeds s a run"
    assert " ".join(lines[0].split()) == heads
    assert {line.split("  ")[0] for line in lines[1:3]} == {"as shipped", "epsilon=0.5"}
    assert "Not to be recommended: epsilon=0.5 states probabilities of 0.12, below 0.2." in lines
    assert any(line.startswith("Shipped now: learner=linear") and "half_life_days=none" in line for line in lines)
    assert lines[-1] == "Nothing that was tried states probabilities large enough."


@pytest.mark.usefixtures("played_here")
def test_one_by_one_and_the_usual_values(keyart: Command) -> None:
    told = keyart("tune", *QUICK, "--one-by-one", "--decisions", 40, "--rounds", 1, "--json").json()
    scales = [f"gamma_scale={scale}" for scale in (1000, 3000, 30000)]
    assert {one["name"] for one in told["tried"]} == {"as shipped", *scales}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "has not been migrated"),
        (("--set", "gama=1"), "no setting is called 'gama'"),
        (("--world", "moon"), "no World is called 'moon'; known: weak, strong"),
        (("--world", "weak", "--set", "gama=1"), "no setting is called 'gama'; those that can be tried: learner"),
        (("--world", "weak", "--set", "gamma_scale"), "NAME=VALUE"),
        (("--world", "weak", "--set", "gamma_scale="), "gamma_scale has no values"),
        (("--world", "weak", "--set", "epsilon=2"), "epsilon cannot be '2'"),
        (("--world", "weak", "--decisions", 3), "at least one a round"),
        (("--world", "weak", "--seeds", 0), "--seeds"),
        (("--world", "weak", "--jobs", 0), "--jobs"),
    ],
)
def test_what_cannot_be_searched_is_one_line(keyart: Command, arguments: tuple[object, ...], said: str) -> None:
    assert said in keyart("tune", *arguments).refusal()
