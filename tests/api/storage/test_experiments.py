"""Experiments in storage: planned, started once, stopped once; running ones share no viewer; readings are kept."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from api.errors import BadInput, Conflict, UnknownExperiment
from api.storage.audit_log import list_entries
from api.storage.database import transaction
from api.storage.experiments import (
    ExperimentPlan,
    ExperimentState,
    Forecast,
    add_experiment,
    add_reading,
    find_experiment,
    list_experiments,
    list_readings,
    running_allocations,
    running_experiments,
    start_experiment,
    stop_experiment,
)
from bandit.decision import PolicyVersionId
from bandit.experiments.allocation import Cell
from bandit.experiments.rules import ExperimentRules, Guardrail
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.uniform import UNIFORM


def plan(experiment: str = "warm", share: float = 0.6) -> ExperimentPlan:
    return ExperimentPlan(
        experiment=experiment,
        hypothesis="warm pictures are played more",
        share=share,
        cells=(Cell(name="control", policy=UNIFORM), Cell(name="b", policy=DEFAULT, weight=2.0)),
        reward="quality_play/1",
        rules=ExperimentRules(smallest_lift=0.05, guardrails=(Guardrail.COMPLETION,)),
    )


def test_an_experiment_is_planned_then_runs_then_is_over(engine: Engine, now: datetime) -> None:
    told = {
        UNIFORM: Forecast(
            policy=PolicyVersionId(UNIFORM),
            at=now,
            value=0.2,
            low=0.1,
            high=0.3,
            live=PolicyVersionId(UNIFORM),
            live_value=None,
            reward="quality_play/1",
        )
    }
    with transaction(engine) as connection:
        drafted = add_experiment(connection, plan(), actor="ana", now=now)
        assert (drafted.state, drafted.rules, drafted.allocation.cells) == (
            ExperimentState.DRAFT,
            plan().rules,
            plan().cells,
        )
        assert running_experiments(connection) == []
        with pytest.raises(Conflict, match="does not run"):
            stop_experiment(connection, "warm", actor="ana", now=now, reason="")
        started = start_experiment(connection, "warm", actor="ben", now=now, reason="begin", forecasts=told)
        assert (started.state, started.started_by, started.forecasts) == (ExperimentState.RUNNING, "ben", told)
        assert running_allocations(connection) == (drafted.allocation,)
        with pytest.raises(Conflict, match="once only"):
            start_experiment(connection, "warm", actor="ben", now=now, reason="begin", forecasts={})
        later = now + timedelta(days=1)
        ended = stop_experiment(connection, "warm", actor="eve", now=later, reason="seen enough")
        assert (ended.state, ended.stopped_at, ended.stopped_because) == (ExperimentState.STOPPED, later, "seen enough")
        assert running_allocations(connection) == ()
        with pytest.raises(Conflict, match="once only"):
            start_experiment(connection, "warm", actor="ben", now=now, reason="begin", forecasts={})
        noted = [(each.action, each.reason) for each in list_entries(connection)]
    assert noted == [
        ("experiment.stop", "seen enough"),
        ("experiment.start", "begin"),
        ("experiment.create", "warm pictures are played more"),
    ]


def test_running_experiments_hold_different_viewers_and_no_more_than_there_are(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        for name, share in (("one", 0.6), ("two", 0.4), ("three", 0.4)):
            add_experiment(connection, plan(name, share), actor="ana", now=now)
        for name in ("one", "two"):
            start_experiment(connection, name, actor="ana", now=now, reason="begin", forecasts={})
        assert [each.begin for each in running_allocations(connection)] == [0.0, 0.6]
        with pytest.raises(Conflict, match="leave less than"):
            start_experiment(connection, "three", actor="ana", now=now, reason="begin", forecasts={})
        stop_experiment(connection, "one", actor="ana", now=now, reason="done")
        assert (
            start_experiment(connection, "three", actor="ana", now=now, reason="begin", forecasts={}).allocation.begin
            == 0.0
        )
        assert [each.name for each in list_experiments(connection)] == ["one", "three", "two"]
        assert [each.name for each in list_experiments(connection, after="one", limit=1)] == ["three"]


def test_names_are_taken_once_and_plans_that_cannot_be_carried_out_are_not_kept(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        add_experiment(connection, plan(), actor="ana", now=now)
        with pytest.raises(Conflict, match="already"):
            add_experiment(connection, plan(), actor="ana", now=now)
        with pytest.raises(BadInput, match="share"):
            add_experiment(connection, plan("more", share=1.5), actor="ana", now=now)
        with pytest.raises(UnknownExperiment, match="more"):
            find_experiment(connection, "more")


def test_readings_are_all_kept_and_the_newest_comes_first(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        add_experiment(connection, plan(), actor="ana", now=now)
        for minute in range(3):
            add_reading(connection, "warm", {"minute": minute}, now=now + timedelta(minutes=minute))
        assert [each.result["minute"] for each in list_readings(connection, "warm", limit=2)] == [2, 1]
