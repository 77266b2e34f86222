"""How long a forecast is in force: until its version is moved or taken off, and no longer."""

from datetime import UTC, datetime, timedelta

from api.dependencies.forecasts import ended
from api.storage.forecasts import StoredForecast
from api.storage.stages import Deployment, Stage
from bandit.decision import PolicyVersionId

AT = datetime(2026, 1, 2, tzinfo=UTC)
A, B = PolicyVersionId("a"), PolicyVersionId("b")


def deployment(number: int, version: str, stage: Stage, rolled_back: str | None = None) -> tuple[int, Deployment]:
    share = 0.1 if stage is Stage.CANARY else None
    undone = None if rolled_back is None else PolicyVersionId(rolled_back)
    made = Deployment(
        version=PolicyVersionId(version),
        stage=stage,
        actor="test",
        reason="a test",
        at=AT + timedelta(hours=number),
        share=share,
        rolled_back=undone,
    )
    return number, made


def forecast(number: int, version: PolicyVersionId, stage: Stage) -> StoredForecast:
    return StoredForecast(
        forecast=number,
        deployment=number,
        version=version,
        stage=stage,
        reward="quality_play/1",
        made_at=AT,
        began_at=AT + timedelta(hours=number),
        rows=100,
        level=0.95,
        value=0.1,
        low=0.1,
        high=0.1,
        live=B,
    )


def test_it_ends_when_the_version_goes_on_or_is_replaced() -> None:
    told = [forecast(1, A, Stage.CANARY), forecast(2, A, Stage.LIVE)]
    log = [deployment(1, "a", Stage.CANARY), deployment(2, "a", Stage.LIVE), deployment(3, "b", Stage.LIVE)]
    assert ended(told, log) == {1: AT + timedelta(hours=2), 2: AT + timedelta(hours=3)}


def test_a_canary_of_another_version_ends_nothing_and_its_roll_back_neither() -> None:
    told = [forecast(1, A, Stage.LIVE), forecast(2, B, Stage.CANARY)]
    log = [
        deployment(1, "a", Stage.LIVE),
        deployment(2, "b", Stage.CANARY),
        deployment(3, "a", Stage.LIVE, rolled_back="b"),
    ]
    assert ended(told, log) == {2: AT + timedelta(hours=3)}


def test_a_canary_with_another_share_is_a_new_promotion() -> None:
    told = [forecast(1, A, Stage.CANARY)]
    log = [deployment(1, "a", Stage.CANARY), deployment(2, "a", Stage.CANARY)]
    assert ended(told, log) == {1: AT + timedelta(hours=2)}


def test_what_stands_has_no_end() -> None:
    assert ended([forecast(1, A, Stage.LIVE)], [deployment(1, "a", Stage.LIVE)]) == {}
