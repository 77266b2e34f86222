"""The simulated viewers: what genres they like, and the histories that follow from it. Knows no artwork."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artwork.catalog import Title

DEVICES = ("tv", "phone", "tablet", "web")
DEVICE_SHARES = (0.55, 0.25, 0.08, 0.12)
HISTORY_DAYS = 120
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""Simulated time is fixed, so that a seed always gives the same histories."""

_CONCENTRATION = 0.25
"""Of the Dirichlet distribution of a viewer's genre shares: well below 1, so most viewers have one or two genres."""


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """`viewers` are made-up ids; `genre_shares` (viewers, genres) sum to 1 a row, in the order of `genres`."""

    viewers: tuple[str, ...]
    genres: tuple[str, ...]
    genre_shares: NDArray[np.float64]


def make_audience(rng: np.random.Generator, count: int, *, genres: Sequence[str]) -> Audience:
    """Draw `count` viewers."""
    shares = rng.dirichlet(np.full(len(genres), _CONCENTRATION), size=count)
    return Audience(tuple(f"simulated-{index:05d}" for index in range(count)), tuple(genres), shares)


def liking(audience: Audience, titles: Sequence[Title]) -> NDArray[np.float64]:
    """How well each title fits each viewer's genres, (viewers, titles), each in [0, 1]."""
    membership = np.array([[genre in title.genres for genre in audience.genres] for title in titles], dtype=float)
    return audience.genre_shares @ (membership / np.maximum(membership.sum(axis=1, keepdims=True), 1)).T


def histories(rng: np.random.Generator, audience: Audience, titles: Sequence[Title]) -> Iterator[list[dict[str, Any]]]:
    """Yield the events of one viewer after another, in time order, as bodies for POST /v1/events.

    A viewer watches what fits and what is popular; what fits is watched to its end more often.
    """
    popularity = rng.permutation(1.0 / np.arange(1, len(titles) + 1) ** 0.7)
    # Event ids are kept as they are sent, so they must not hold the viewer's.
    numbers = count()
    for viewer, fits in zip(audience.viewers, liking(audience, titles), strict=True):
        weights = popularity * np.exp(6.0 * fits)
        length = min(len(titles), int(rng.poisson(18)) + 4)
        watched: list[int] = rng.choice(len(titles), size=length, replace=False, p=weights / weights.sum()).tolist()
        days: list[float] = np.sort(rng.random(length) * HISTORY_DAYS).tolist()
        plan = [
            _Watching(f"watching-{next(numbers)}", viewer, titles[index], fit=float(fits[index]), day=day)
            for index, day in zip(watched, days, strict=True)
        ]
        yield [event for watching in plan for event in _events(rng, watching)]


@dataclass(frozen=True, slots=True)
class _Watching:
    name: str
    viewer: str
    title: Title
    fit: float
    day: float


def _events(rng: np.random.Generator, watching: _Watching) -> list[dict[str, Any]]:
    length = float(watching.title.runtime_seconds or 5400)
    finished = bool(rng.random() < 0.35 + 0.6 * watching.fit)
    seconds = length * (0.95 if finished else float(rng.uniform(0.02, 0.6)))
    started = FIRST_DAY + timedelta(days=watching.day)
    play = {
        "event": f"{watching.name}-play",
        "viewer": watching.viewer,
        "title": watching.title.title,
        "action": "play",
        "at": started.isoformat(),
        "device": str(rng.choice(DEVICES, p=DEVICE_SHARES)),
        "seconds": round(seconds),
        "of_seconds": round(length),
    }
    end = {
        **play,
        "event": f"{watching.name}-end",
        "action": "finish" if finished else "abandon",
        "at": (started + timedelta(seconds=seconds)).isoformat(),
    }
    return [play, end]
