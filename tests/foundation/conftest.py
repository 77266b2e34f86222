"""Viewers with known tastes: their histories, their tastes and what they would truly want next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from foundation.events import Action, Event, EventId, ViewerId
from foundation.model import ModelConfig
from foundation.trained import Foundation, TrainingConfig
from foundation.training import train

TITLES, CLUSTERS, EVENTS = 30, 3, 24
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Audience:
    """`tastes` (viewers, clusters), and `wanted` (viewers, titles): how likely each is wanted next, up to a factor."""

    histories: list[list[Event]]
    tastes: NDArray[np.float64]
    wanted: NDArray[np.float64]


def title_name(number: int) -> str:
    """Titles sort as they count; title n is of cluster n modulo CLUSTERS."""
    return f"title-{number:03d}"


def audience(viewers: int, *, seed: int = 0, titles: int = TITLES, events: int = EVENTS) -> Audience:
    """Draw viewers who finish what they like, abandon what they do not, and see impressions of anything."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(titles) % CLUSTERS
    fame = rng.gamma(1.0, 1.0, titles)
    tastes = rng.dirichlet(np.full(CLUSTERS, 0.4), size=viewers)
    started = fame * tastes[:, cluster] + 1e-3
    histories = [
        _history(f"viewer-{viewer}", started[viewer] / started[viewer].sum(), tastes[viewer, cluster], events, rng)
        for viewer in range(viewers)
    ]
    return Audience(histories=histories, tastes=tastes, wanted=started * tastes[:, cluster])


def _history(
    viewer: str, started: NDArray[np.float64], liked: NDArray[np.float64], events: int, rng: np.random.Generator
) -> list[Event]:
    at, history = BEGIN, list[Event]()
    for number in range(events):
        at += timedelta(hours=8 + float(rng.exponential(24.0)))
        if rng.random() < 0.25:
            title, action = int(rng.integers(len(started))), Action.IMPRESSION
        else:
            title = int(rng.choice(len(started), p=started))
            action = Action.FINISH if rng.random() < liked[title] else Action.ABANDON
        history.append(
            Event(
                event=EventId(f"{viewer}/{number}"),
                viewer=ViewerId(viewer),
                title=title_name(title),
                action=action,
                at=at,
                device="tv" if rng.random() < 0.7 else "phone",
            )
        )
    return history


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
