"""Forecasts are kept with their deployments; what came of them is put in the place of what was read before."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from api.storage.database import transaction
from api.storage.evaluations import StoredEvaluation
from api.storage.forecasts import Reading, add_forecast, list_forecasts, put_readings, readings_of
from api.storage.policies import UNIFORM, PolicyVersion, add_policy_version, deploy, numbered_deployments
from api.storage.stages import Deployment, Stage
from bandit.decision import PolicyVersionId
from bandit.gate import OffPolicyResult

A = PolicyVersionId("squarecb-aaaaaaaaaaaa")


def said(now: datetime, value: float | None = 0.2) -> StoredEvaluation:
    result = OffPolicyResult(
        version=A, live=UNIFORM, reward="quality_play/1", rows=100, level=0.95, value=value, low=value, high=value
    )
    return StoredEvaluation(now, result)


def deployed(engine: Engine, now: datetime, stage: Stage, share: float | None = None) -> tuple[int, Deployment]:
    deployment = Deployment(version=A, stage=stage, actor="test", reason="a test", at=now, share=share)
    with transaction(engine) as connection:
        add_policy_version(connection, PolicyVersion(version=A, digest="a" * 64, manifest={}, created_at=now))
        deploy(connection, deployment)
        return numbered_deployments(connection, limit=1)[0]


def test_a_forecast_is_kept_with_the_deployment_that_rested_on_it(engine: Engine, now: datetime) -> None:
    began = now + timedelta(minutes=5)
    number, deployment = deployed(engine, began, Stage.CANARY, 0.1)
    with transaction(engine) as connection:
        assert add_forecast(connection, number=number, deployment=deployment, evaluation=said(now))
        [kept] = list_forecasts(connection)
        assert (kept.deployment, kept.version, kept.stage) == (number, A, Stage.CANARY)
        assert (kept.made_at, kept.began_at, kept.read_until) == (now, began, None)
        assert (kept.value, kept.live, kept.live_value) == (0.2, UNIFORM, None)
        assert list_forecasts(connection, before=kept.forecast) == []
        assert list_forecasts(connection, version="another") == []
    with pytest.raises(IntegrityError), transaction(engine) as connection:
        add_forecast(connection, number=number, deployment=deployment, evaluation=said(now))


def test_a_refused_evaluation_foretells_nothing(engine: Engine, now: datetime) -> None:
    number, deployment = deployed(engine, now, Stage.LIVE)
    with transaction(engine) as connection:
        assert not add_forecast(connection, number=number, deployment=deployment, evaluation=said(now, None))
        assert list_forecasts(connection) == []


def test_what_was_read_takes_the_place_of_what_was_read_before(engine: Engine, now: datetime) -> None:
    number, deployment = deployed(engine, now, Stage.LIVE)
    first = Reading(day=date(2026, 1, 2), rows=10, viewers=1, value=0.1)
    second = Reading(day=date(2026, 1, 3), rows=30, viewers=20, value=0.12, low=0.1, high=0.14)
    with transaction(engine) as connection:
        add_forecast(connection, number=number, deployment=deployment, evaluation=said(now))
        [kept] = list_forecasts(connection)
        assert readings_of(connection, [kept.forecast]) == {kept.forecast: []}
        put_readings(connection, kept.forecast, [first], until=now + timedelta(days=1))
        put_readings(connection, kept.forecast, [replace(first, rows=11), second], until=now + timedelta(days=2))
        assert readings_of(connection, [kept.forecast])[kept.forecast] == [replace(first, rows=11), second]
        assert list_forecasts(connection)[0].read_until == now + timedelta(days=2)
