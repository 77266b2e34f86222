"""An audience of viewers with known tastes, and foundations trained on it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.viewers import Audience, audience
from foundation.events import Action, Event, EventId, ViewerId
from foundation.model import ModelConfig
from foundation.trained import Foundation, TrainingConfig
from foundation.training import train

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def draw_audience() -> Callable[..., Audience]:
    return audience


@pytest.fixture(scope="session")
def crowd() -> Audience:
    return audience(300)


@pytest.fixture(scope="session")
def config() -> TrainingConfig:
    return TrainingConfig(model=ModelConfig(dimension=16, length=32), epochs=12, least_steps=150)


@pytest.fixture(scope="session")
def trained(crowd: Audience, config: TrainingConfig) -> Foundation:
    return train(crowd.histories, config=config)


@pytest.fixture(scope="session")
def hurried(crowd: Audience) -> Foundation:
    """Trained for a moment only: for tests that ask how it is kept or asked, not how good it is."""
    quick = TrainingConfig(model=ModelConfig(dimension=8, layers=1, length=16), epochs=1, least_steps=1)
    return train(crowd.histories[:40], config=quick)


@pytest.fixture
def make_event() -> Callable[..., Event]:
    """Makes an event of viewer "v" on title "a", one hour after another."""
    count = 0

    def make(
        title: str = "a", action: Action = Action.FINISH, *, hours: float | None = None, **fields: object
    ) -> Event:
        nonlocal count
        count += 1
        at = BEGIN + timedelta(hours=count if hours is None else hours)
        values = {"event": EventId(str(count)), "viewer": ViewerId("v"), "at": at, **fields}
        return Event(title=title, action=action, **values)  # pyright: ignore[reportArgumentType]

    return make
