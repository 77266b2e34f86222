"""Logs of viewers whose reward for every artwork is known."""

from collections.abc import Callable

import numpy as np
import pytest

from bandit.ope.batch import Batch, Eligible, Floats, Labels

MakeLog = Callable[..., Batch]
TruthIn = Callable[..., Floats]
DEVICES = ("tv", "phone", "web")


def log_of(
    seed: int,
    rows: int = 2000,
    *,
    artworks: int = 4,
    viewers: int = 200,
    contrast: float = 1.0,
    spread: float = 0.0,
    moods: int = 99,
) -> Batch:
    """Rows logged by a softmax over noise; what attracts differs by device. `truth_of_entries` tells the mean rewards.

    `spread` is by how much viewers differ in what they think of everything; `moods` is the seed of that.
    """
    random = np.random.default_rng(seed)
    viewer, device = random.integers(0, viewers, rows), random.integers(0, len(DEVICES), rows)
    hour = random.normal(size=rows)
    mood = np.random.default_rng(moods).normal(0.0, spread, viewers)
    truth = truth_of(device, hour, artworks=artworks, contrast=contrast)
    logged = np.exp(random.normal(0.0, 0.5, (rows, artworks)))
    logged /= logged.sum(axis=1, keepdims=True)
    target = np.exp(8.0 * truth)
    target /= target.sum(axis=1, keepdims=True)
    shown = np.array([random.choice(artworks, p=each) for each in logged])
    places, starts = (np.arange(rows), shown), np.arange(rows + 1) * artworks
    chances = np.clip(truth[places] + mood[viewer], 0.0, 1.0)
    return Batch(
        propensity=logged[places],
        target=target[places],
        reward=(random.random(rows) < chances).astype(np.float64),
        viewers=(viewer.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15),
        eligible=Eligible(
            starts=starts,
            chosen=starts[:-1] + shown,
            artworks=np.tile(np.arange(artworks), rows),
            names=tuple(f"t/{index}" for index in range(artworks)),
            logged=logged.ravel(),
            target=target.ravel(),
        ),
        features={"device": Labels(codes=device, names=DEVICES), "hour": hour},
    )


def truth_of(device: np.ndarray, hour: Floats, *, artworks: int = 4, contrast: float = 1.0) -> Floats:
    """The mean reward of every artwork for these rows: (rows, artworks)."""
    attracts = np.random.default_rng(5).normal(0.0, 0.12, (len(DEVICES), artworks))
    later = np.linspace(-0.05, 0.05, artworks)
    return np.clip(0.35 + contrast * (attracts[device] + np.outer(hour, later)), 0.02, 0.98)


def truth_of_entries(batch: Batch, *, contrast: float = 1.0) -> Floats:
    """The same for the rows of a log, entry by entry: (m,)."""
    assert batch.eligible is not None
    device, hour = batch.features["device"], batch.features["hour"]
    assert isinstance(device, Labels)
    assert not isinstance(hour, Labels)
    artworks = int(batch.eligible.counts[0])
    return truth_of(device.codes, hour, artworks=artworks, contrast=contrast).ravel()


@pytest.fixture
def make_log() -> MakeLog:
    return log_of


@pytest.fixture
def truth_in() -> TruthIn:
    return truth_of_entries
