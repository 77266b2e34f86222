"""What evaluations said of versions: all kept, the newest one counts."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from api.storage.database import transaction
from api.storage.evaluations import StoredEvaluation, add_evaluation, latest_evaluation, latest_evaluations
from api.storage.policies import UNIFORM, PolicyVersion, add_policy_version
from api.storage.tables import policy_evaluations
from bandit.decision import PolicyVersionId
from bandit.gate import OffPolicyResult

A, B = PolicyVersionId("squarecb-aaaaaaaaaaaa"), PolicyVersionId("squarecb-bbbbbbbbbbbb")


def result(version: PolicyVersionId, value: float | None) -> OffPolicyResult:
    return OffPolicyResult(
        version=version,
        live=UNIFORM,
        reward="quality_play/1",
        rows=100,
        level=0.95,
        value=value,
        low=value,
        high=value,
        live_value=0.1,
        refusals=() if value else ("no_rewards: none",),
        baits=("harbor/a",),
    )


def test_the_newest_evaluation_of_a_version_counts_and_all_are_kept(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        assert latest_evaluation(connection, A) is None
        for version in (A, B):
            add_policy_version(
                connection, PolicyVersion(version=version, digest=version[-1] * 64, manifest={}, created_at=now)
            )
        written = [
            StoredEvaluation(now + timedelta(minutes=minute), result(version, value))
            for minute, (version, value) in enumerate(((A, 0.2), (B, 0.3), (A, None)))
        ]
        for each in written:
            add_evaluation(connection, each)
        assert latest_evaluation(connection, A) == written[2]
        assert latest_evaluations(connection) == {A: written[2], B: written[1]}
        assert len(connection.execute(policy_evaluations.select()).all()) == 3


def test_only_a_version_that_exists_can_have_been_evaluated(engine: Engine, now: datetime) -> None:
    with pytest.raises(IntegrityError), transaction(engine) as connection:
        add_evaluation(connection, StoredEvaluation(now, result(A, 0.2)))
