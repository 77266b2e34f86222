"""Experiments are read from the log: by cell, with the same viewers' time before; what harms is stopped by itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.dependencies.experiments import begin_experiment, cells_from, create_experiment, end_experiment
from api.dependencies.promotion import Order
from api.jobs.experimenting import (
    ACTOR,
    SETTLED_AFTER,
    nothing_to_read,
    read_cells,
    read_experiments,
    rehearse_log,
    tell_now,
)
from api.jobs.schedule import Turn
from api.storage.database import reading
from api.storage.experiments import Experiment, ExperimentPlan, ExperimentState, find_experiment, list_readings
from bandit.experiments.judgement import Verdict
from bandit.experiments.reading import HOLD_BACK, read_experiment
from bandit.experiments.rules import ExperimentRules
from tests.api.installation import Installation, an_outcome, running, settings_in

VIEWERS = [f"viewer-{number}" for number in range(120)]


def show(installation: Installation, viewers: list[str]) -> None:
    """Everybody sees a page; artwork a is finished, what else is shown is seen only."""
    outcomes = []
    for viewer in viewers:
        for slot in installation.select("harbor", "tundra", viewer=viewer)["slots"]:
            played = slot["artwork"] == "a"
            outcomes.append(an_outcome(slot["decision"], "watched" if played else "seen", seconds=6000.0))
    installation.report(*outcomes)
    installation.join()


def begun(installation: Installation, **rules: float) -> Experiment:
    plan = ExperimentPlan(
        experiment="warm",
        hypothesis="a is best",
        share=1.0,
        cells=cells_from(["fixed=default", "control=live"]),
        reward="quality_play/1",
        rules=ExperimentRules(**rules),  # pyright: ignore[reportArgumentType]
    )
    create_experiment(installation.engine, plan, actor="ana", now=datetime.now(UTC))
    order = Order(actor="ana", reason="", at=datetime.now(UTC))
    made = begin_experiment(installation.engine, installation.blobs, experiment="warm", order=order)
    installation.services.refresh()
    return made


def turn(installation: Installation, *, later: timedelta = timedelta(seconds=5)) -> Turn:
    return Turn(
        settings=installation.settings,
        engine=installation.engine,
        blobs=installation.blobs,
        now=datetime.now(UTC) + later,
    )


@pytest.fixture
def stage(harbor: Installation) -> Installation:
    harbor.put_title("tundra")
    show(harbor, VIEWERS[:60])
    return harbor


def test_cells_are_read_with_their_viewers_time_before_and_harm_stops_the_experiment(stage: Installation) -> None:
    experiment = begun(stage, smallest_lift=0.5)
    show(stage, VIEWERS)
    soon = datetime.now(UTC) + timedelta(seconds=5)
    sums = read_cells(stage.engine, experiment, settings=stage.settings, now=soon)
    totals = {name: each.pieces().sum(axis=0) for name, each in sums.cells.items()}
    assert set(totals) == {"fixed", "control"}
    assert sum(each[0] for each in totals.values()) == 2 * len(VIEWERS)
    assert sum(each[5] for each in totals.values()) == 2 * 60
    assert totals["fixed"][1] == totals["fixed"][0]  # the default artwork of both titles is a
    assert (sums.misplaced, sums.crossed()) == (0, 0)

    assert nothing_to_read(turn(stage)) is None
    report = read_experiments(turn(stage))
    assert report.result == "warm: harm, stopped"
    with reading(stage.engine) as connection:
        stopped, [stored] = find_experiment(connection, "warm"), list_readings(connection, "warm")
    assert (stopped.state, stopped.stopped_by) == (ExperimentState.STOPPED, ACTOR)
    assert stored.result["verdict"]["verdict"] == Verdict.HARM
    assert stored.result["comparisons"][0]["lift"] < -0.3

    # It is read once more when nothing can come any more, and never again.
    assert nothing_to_read(turn(stage)) is None
    assert read_experiments(turn(stage, later=2 * SETTLED_AFTER)).result == "warm: harm"
    assert nothing_to_read(turn(stage, later=3 * SETTLED_AFTER)) == "no experiment runs"


def test_a_decision_in_another_cell_than_the_viewers_is_counted(stage: Installation) -> None:
    experiment = begun(stage)
    show(stage, VIEWERS[:20])
    other = replace(experiment, allocation=replace(experiment.allocation, salt="another"))
    soon = datetime.now(UTC) + timedelta(seconds=5)
    sums = read_cells(stage.engine, other, settings=stage.settings, now=soon)
    assert sums.misplaced > 0
    found = read_experiment(sums, other.allocation, rules=other.rules)
    assert found.judged.verdict is Verdict.BROKEN


def test_viewers_who_are_held_back_are_told_beside(harbor: Installation) -> None:
    with running(settings_in(harbor.home, hold_back=0.3)) as holding:
        experiment = begun(holding)
        holding.put_title("tundra")
        show(holding, VIEWERS[:60])
        soon = datetime.now(UTC) + timedelta(seconds=5)
        sums = read_cells(holding.engine, experiment, settings=holding.settings, now=soon)
    assert set(sums.cells) == {"fixed", "control", HOLD_BACK}
    assert sum(len(each.viewers) for each in sums.cells.values()) == 60


def test_what_is_told_now_needs_no_job_and_a_draft_has_no_reading(stage: Installation) -> None:
    experiment = begun(stage)
    show(stage, VIEWERS[:40])
    soon = datetime.now(UTC) + timedelta(seconds=5)
    told = tell_now(stage.engine, "warm", settings=stage.settings, now=soon)
    assert (told["state"], told["share"], [each["name"] for each in told["cells"]]) == (
        "running",
        1.0,
        ["fixed", "control"],
    )
    assert {each["metric"] for each in told["reading"]["comparisons"]} >= {"reward"}
    assert "salt" not in str(told)
    end_experiment(stage.engine, experiment=experiment.name, order=Order(actor="a", reason="b", at=datetime.now(UTC)))
    plan = ExperimentPlan(
        experiment="later",
        hypothesis="",
        share=0.5,
        cells=experiment.allocation.cells,
        reward="quality_play/1",
        rules=ExperimentRules(),
    )
    create_experiment(stage.engine, plan, actor="ana", now=datetime.now(UTC))
    assert tell_now(stage.engine, "later", settings=stage.settings, now=soon)["reading"] is None


def test_a_log_is_rehearsed_on(stage: Installation) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=5)
    found = rehearse_log(stage.engine, settings=stage.settings, days=14, splits=40, seed=1, now=soon)
    assert found[0].metric == "reward"
    assert found[0].sound
    assert 0.1 < found[0].smallest_lift < 2.0
