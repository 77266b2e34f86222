"""Policy versions and deployments: what stands after each, and what a roll-back uncovers (C7)."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from api.dependencies.promotion import Order, promote
from api.errors import Conflict, UnknownVersion
from api.storage.blobs import BlobStore
from api.storage.database import transaction
from api.storage.policies import (
    DEFAULT,
    UNIFORM,
    PolicyVersion,
    add_policy_version,
    deploy,
    find_policy_version,
    list_deployments,
    list_policy_versions,
    live_version,
    roll_back,
    standing,
)
from api.storage.stages import Deployment, Stage
from bandit.canary import in_canary
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


def _promote(
    connection: Connection,
    version: PolicyVersionId,
    now: datetime,
    stage: Stage = Stage.LIVE,
    share: float | None = None,
) -> None:
    deploy(connection, Deployment(version=version, stage=stage, actor="ops", reason="better", at=now, share=share))


def _roll_back(connection: Connection, now: datetime) -> Deployment:
    return roll_back(connection, actor="ops", reason="worse", now=now)


def test_nobody_comes_between_a_condition_and_its_change(engine: Engine, now: datetime, tmp_path: Path) -> None:
    """Both meant what was live when they looked; on PostgreSQL the second would overwrite the first unseen."""
    looked = threading.Event()

    def still(connection: Connection) -> None:
        live = standing(connection).live
        looked.set()
        time.sleep(0.2)
        if live != UNIFORM:
            raise Conflict("It changed.", "Look again.")

    def promoted(version: PolicyVersionId, stage: Stage) -> bool:
        order = Order(actor="ops", reason="better", at=now, stage=stage, still=still)
        try:
            promote(engine, BlobStore(tmp_path), version=version, order=order)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(promoted, DEFAULT, Stage.LIVE)
        assert looked.wait(10)
        second = pool.submit(promoted, UNIFORM, Stage.SHADOW)
        assert (first.result(), second.result()) == (True, False)


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
        assert standing(connection).before == (UNIFORM, A)
        back = roll_back(connection, actor="ops", reason="worse", now=now)
        assert (back.version, back.rolled_back, live_version(connection)) == (A, B, A)
        assert roll_back(connection, actor="ops", reason="worse", now=now).version == UNIFORM
        with pytest.raises(Conflict, match="no version before uniform"):
            roll_back(connection, actor="ops", reason="again", now=now)
        _promote(connection, B, now)
        assert roll_back(connection, actor="ops", reason="worse", now=now).version == UNIFORM


def test_a_version_goes_through_the_stages_and_is_at_one_of_them_at_a_time(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        assert [standing(connection).stage_of(each) for each in (A, UNIFORM)] == [Stage.CANDIDATE, Stage.LIVE]
        _promote(connection, A, now, Stage.SHADOW)
        _promote(connection, B, now, Stage.CANARY, share=0.1)
        assert [standing(connection).stage_of(each) for each in (A, B)] == [Stage.SHADOW, Stage.CANARY]
        _promote(connection, A, now, Stage.CANARY, share=0.2)
        assert [standing(connection).stage_of(each) for each in (A, B)] == [Stage.CANARY, Stage.RETIRED]
        assert standing(connection).shadow is None
        _promote(connection, A, now)
        assert [standing(connection).stage_of(each) for each in (A, UNIFORM)] == [Stage.LIVE, Stage.RETIRED]
        assert standing(connection).canary is None


def test_a_version_that_is_live_for_all_ends_a_canary_and_leaves_a_shadow(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        _promote(connection, A, now, Stage.CANARY, share=0.1)
        _promote(connection, B, now, Stage.SHADOW)
        _promote(connection, DEFAULT, now)
        found = standing(connection)
    assert (found.live, found.canary, found.shadow) == (DEFAULT, None, B)


def test_a_roll_back_ends_the_canary_first_and_then_goes_down(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        _promote(connection, A, now)
        _promote(connection, B, now, Stage.CANARY, share=0.1)
        ended = _roll_back(connection, now)
        assert (ended.version, ended.rolled_back, live_version(connection)) == (A, B, A)
        assert standing(connection).canary is None
        assert _roll_back(connection, now).version == UNIFORM
        _promote(connection, B, now, Stage.CANARY, share=0.1)
        assert (_roll_back(connection, now).version, live_version(connection)) == (UNIFORM, UNIFORM)
        with pytest.raises(Conflict, match="no version before"):
            _roll_back(connection, now)


def test_a_canary_that_grows_keeps_its_viewers_and_the_next_one_gets_others(learned: Engine, now: datetime) -> None:
    viewers = [f"{number:032x}" for number in range(2000)]

    def reached(connection: Connection) -> set[str]:
        canary = standing(connection).canary
        assert canary is not None
        return {viewer for viewer in viewers if in_canary(viewer, share=canary.share, salt=canary.salt)}

    with transaction(learned) as connection:
        _promote(connection, A, now, Stage.CANARY, share=0.1)
        small = reached(connection)
        _promote(connection, A, now, Stage.CANARY, share=0.3)
        grown = reached(connection)
        _roll_back(connection, now)
        _promote(connection, A, now, Stage.CANARY, share=0.1)
        again = reached(connection)
    assert small < grown
    assert (len(small), len(grown)) == (pytest.approx(200, abs=50), pytest.approx(600, abs=75))
    assert len(small & again) == pytest.approx(20, abs=16)


def test_what_is_retired_is_not_rolled_back_to(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        _promote(connection, A, now)
        _promote(connection, B, now)
        _promote(connection, A, now, Stage.RETIRED)
        assert _roll_back(connection, now).version == UNIFORM
        assert standing(connection).stage_of(A) is Stage.RETIRED
        _promote(connection, A, now)
        assert live_version(connection) == A
        with pytest.raises(Conflict, match="is live"):
            _promote(connection, A, now, Stage.RETIRED)


def test_a_roll_back_never_uncovers_the_version_that_is_live(learned: Engine, now: datetime) -> None:
    with transaction(learned) as connection:
        for version in (A, B, A):
            _promote(connection, version, now)
        _promote(connection, B, now, Stage.RETIRED)
        assert standing(connection).before == (UNIFORM,)
        assert _roll_back(connection, now).version == UNIFORM


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
        for stage, share in ((Stage.SHADOW, None), (Stage.CANARY, 0.1), (Stage.RETIRED, None)):
            _promote(connection, A, now, stage, share)
            with pytest.raises(Conflict, match="already"):
                _promote(connection, A, now, stage, share)
            with pytest.raises(Conflict, match="is live"):
                _promote(connection, DEFAULT, now, stage, share)
        assert len(list_deployments(connection)) == 4


def test_what_was_overridden_is_kept(learned: Engine, now: datetime) -> None:
    forced = Deployment(
        version=A, stage=Stage.LIVE, actor="ops", reason="now", at=now, overridden=("it was never evaluated",)
    )
    with transaction(learned) as connection:
        deploy(connection, forced)
        assert list_deployments(connection) == [forced]


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
