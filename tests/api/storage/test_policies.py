"""Policy versions and deployments: what is live, and what a roll-back uncovers (C7)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from api.errors import Conflict, UnknownVersion
from api.storage.database import transaction
from api.storage.policies import (
    DEFAULT,
    UNIFORM,
    Deployment,
    PolicyVersion,
    Stage,
    add_policy_version,
    deploy,
    find_policy_version,
    list_deployments,
    list_policy_versions,
    live_version,
    roll_back,
    version_before,
)
from bandit.decision import PolicyVersionId

A, B = PolicyVersionId("squarecb-aaaaaaaaaaaa"), PolicyVersionId("squarecb-bbbbbbbbbbbb")


@pytest.fixture
def learned(engine: Engine, now: datetime) -> Engine:
    """A database with two learned versions, A before B."""
    with transaction(engine) as connection:
        for number, version in enumerate((A, B)):
            manifest = {"rows": 20_000, "features": ["device"], "parent": None}
            created_at = now + timedelta(hours=number)
            added = PolicyVersion(version=version, digest=version[-1] * 64, manifest=manifest, created_at=created_at)
            assert add_policy_version(connection, added)
    return engine


def _promote(connection: Connection, version: PolicyVersionId, now: datetime, stage: Stage = Stage.LIVE) -> None:
    deploy(connection, Deployment(version=version, stage=stage, actor="ops", reason="better", at=now))


def test_uniform_is_live_until_the_first_promotion(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        assert live_version(connection) == UNIFORM
        _promote(connection, A, now)
        assert live_version(connection) == A


def test_only_the_live_stage_changes_what_is_live(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        _promote(connection, A, now, Stage.SHADOW)
        canary = Deployment(version=A, stage=Stage.CANARY, actor="ops", reason="try", at=now, share=0.05)
        deploy(connection, canary)
        assert live_version(connection) == UNIFORM
        assert list_deployments(connection, limit=1) == [canary]


def test_rolling_back_goes_down_the_promotions_and_never_up_again(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        _promote(connection, A, now)
        _promote(connection, B, now)
        assert version_before(connection) == A
        back = roll_back(connection, actor="ops", reason="worse", now=now)
        assert (back.version, back.rolled_back, live_version(connection)) == (A, B, A)
        assert roll_back(connection, actor="ops", reason="worse", now=now).version == UNIFORM
        with pytest.raises(Conflict, match="no version before uniform"):
            version_before(connection)
        with pytest.raises(Conflict, match="no version before uniform"):
            roll_back(connection, actor="ops", reason="again", now=now)
        _promote(connection, B, now)
        assert roll_back(connection, actor="ops", reason="worse", now=now).version == UNIFORM


def test_deployments_are_kept_with_actor_and_reason_newest_first(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        _promote(connection, A, now)
        roll_back(connection, actor="alarm", reason="reward below forecast", now=now)
        kept = list_deployments(connection)
    assert [(each.actor, each.reason, each.version, each.at) for each in kept] == [
        ("alarm", "reward below forecast", UNIFORM, now),
        ("ops", "better", A, now),
    ]


def test_what_is_unknown_or_live_already_is_not_deployed(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        with pytest.raises(UnknownVersion):
            _promote(connection, PolicyVersionId("squarecb-unknown"), now)
        with pytest.raises(Conflict, match="live already"):
            _promote(connection, UNIFORM, now)
        _promote(connection, DEFAULT, now)
        assert live_version(connection) == DEFAULT
        assert len(list_deployments(connection)) == 1


def test_a_version_learned_again_is_the_same_and_another_under_its_name_is_refused(learned: Engine) -> None:
    with transaction(learned) as connection:
        known = find_policy_version(connection, A)
        assert not add_policy_version(connection, known)
        with pytest.raises(Conflict, match="another policy"):
            add_policy_version(connection, replace(known, digest="f" * 64))
        with pytest.raises(Conflict, match="built-in"):
            add_policy_version(connection, replace(known, version=UNIFORM))
        assert [each.version for each in list_policy_versions(connection)] == [B, A]
        assert known.manifest == {"rows": 20_000, "features": ["device"], "parent": None}
        with pytest.raises(UnknownVersion):
            find_policy_version(connection, UNIFORM)
