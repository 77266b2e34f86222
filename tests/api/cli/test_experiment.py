"""`keyart experiment`: planned, started, read and stopped from the command line; mistakes are one line."""

from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.installation import an_outcome, running, settings_in

CELLS = ("--cell", "control=live", "--cell", "fixed=default:2")


def test_an_experiment_from_its_plan_to_its_end(keyart: Command, home: Path) -> None:
    made = keyart("experiment", "create", "warm", *CELLS, "--share", 1, "--home", home, "--json").json()
    assert made == {"experiment": "warm", "state": "draft"}
    told = keyart("experiment", "show", "warm", "--home", home, "--json").json()
    assert (told["reading"], told["rules"]["guardrails"]) == (None, ["completion", "abandonment", "diversity"])
    assert "100.0%" in keyart("experiment", "start", "warm", "--home", home).out
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
        for number in range(15):  # fewer than can be compared, so no chance in who is in which cell decides the verdict
            [slot] = installation.select("harbor", viewer=f"viewer-{number}")["slots"]
            installation.report(an_outcome(slot["decision"], "watched" if number % 2 else "seen"))
        installation.join()
    shown = keyart("experiment", "show", "warm", "--home", home)
    assert (shown.code, "sample ratio as planned" in shown.out, "OPEN" in shown.out) == (0, True, True)
    found = keyart("experiment", "show", "warm", "--home", home, "--json").json()
    assert sum(each["viewers"] for each in found["reading"]["cells"]) == 15
    listed = keyart("experiment", "list", "--home", home, "--json").json()
    assert listed == {"experiments": [{"experiment": "warm", "state": "running", "share": 1.0}]}
    assert "fixed (default)" in keyart("experiment", "list", "--home", home).out
    rehearsed = keyart("experiment", "rehearse", "--splits", 20, "--home", home)
    assert "reward" in rehearsed.out
    assert "stopped" in keyart("experiment", "stop", "warm", "--reason", "seen enough", "--home", home).out
    log = keyart("audit-log", "--subject", "experiment/warm", "--home", home).out
    assert "experiment.stop" in log


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (("--cell", "control=live"), "2 to 10 cells"),
        ((*CELLS, "--cell", "b=squarecb-0"), "squarecb-0"),
        ((*CELLS, "--cell", "b"), "is no cell"),
        ((*CELLS, "--share", "0"), "share"),
        ((*CELLS, "--guardrail", "joy"), "joy"),
        ((*CELLS, "--smallest-lift", "0"), "smallest lift"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_one_line(
    keyart: Command, home: Path, wrong: tuple[str, ...], named: str
) -> None:
    assert named in keyart("experiment", "create", "warm", *wrong, "--home", home).refusal()
    assert keyart("experiment", "list", "--home", home, "--json").json() == {"experiments": []}


def test_an_experiment_that_does_not_exist_is_one_line(keyart: Command, home: Path) -> None:
    for command in ("start", "stop", "show"):
        assert "There is no experiment 'warm'" in keyart("experiment", command, "warm", "--home", home).refusal()
