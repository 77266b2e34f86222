"""Logged decisions as plain tables whose true value is known exactly: what intervals are held to. Knows no interval.

Viewers differ in how readily they play, artworks in how they do in each of six situations; both policies state their
probabilities by situation, so the target's true value is a sum over a small table.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bandit.ope.batch import Batch

Weights = Literal["light", "heavy", "wild"]
Floats = NDArray[np.float64]

_SITUATIONS, _ARTWORKS = 6, 10
_EAGERNESS = (0.4, 1.0, 1.6)
_PLAY_RATE = {"dense": 0.35, "rare": 0.015}
_FLOOR = {"heavy": 0.01, "wild": 0.002}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogShape:
    """What a log is like: `viewers` with `each` decisions; `kept` ones show a viewer one artwork in one situation.

    `weights` are light where logging and target policy are both spread out, heavy where the log plays one artwork and
    shows those that the target likes with 1 % each, wild where with 0.2 %.
    """

    viewers: int = 500
    each: int = 1
    rewards: Literal["dense", "rare"] = "dense"
    weights: Weights = "light"
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """Tables (situations, artworks) of both policies' probabilities and of the mean reward of an average viewer."""

    logged: Floats
    target: Floats
    baseline: Floats
    rate: Floats

    @property
    def truth(self) -> float:
        """The target's true mean reward a decision."""
        return float((self.target * self.rate).sum(axis=1).mean())

    @property
    def true_difference(self) -> float:
        """The target's less the baseline's."""
        return float(((self.target - self.baseline) * self.rate).sum(axis=1).mean())

    @property
    def weight_range(self) -> tuple[float, float]:
        """The smallest and the largest weight that a row can have."""
        weights = self.target / self.logged
        return float(weights.min()), float(weights.max())


def setting_of(shape: LogShape, *, seed: int = 1) -> Setting:
    """The policies and rates of a shape."""
    rng = np.random.default_rng(seed)
    appeal = rng.uniform(0.3, 1.7, size=(_SITUATIONS, _ARTWORKS))
    if shape.weights == "light":
        logged, target = (_spread_out(rng) for _ in range(2))
    else:
        floor = _FLOOR[shape.weights]
        logged = _mostly(rng.integers(0, _ARTWORKS // 2, size=_SITUATIONS), floor)
        target = _mostly(rng.integers(_ARTWORKS // 2, _ARTWORKS, size=_SITUATIONS), 0.02)
    return Setting(logged=logged, target=target, baseline=logged, rate=_PLAY_RATE[shape.rewards] * appeal)


def draw(shape: LogShape, setting: Setting, rng: np.random.Generator) -> Batch:
    """A log of this shape, rows in random order of time, with the logging policy as the baseline."""
    count = shape.viewers * shape.each
    viewers = np.tile(np.arange(shape.viewers), shape.each)
    eager = rng.choice(_EAGERNESS, size=shape.viewers)[viewers]
    drawn = shape.viewers if shape.kept else count
    situation, chance = rng.integers(_SITUATIONS, size=drawn), rng.random(drawn)
    if shape.kept:
        situation, chance = situation[viewers], chance[viewers]
    shown = (chance[:, np.newaxis] >= setting.logged.cumsum(axis=1)[:, :-1][situation]).sum(axis=1)
    reward = rng.random(count) < setting.rate[situation, shown] * eager
    return Batch(
        propensity=setting.logged[situation, shown],
        target=setting.target[situation, shown],
        baseline=setting.baseline[situation, shown],
        reward=reward.astype(np.float64),
        viewers=viewers.astype(np.uint64),
    )


def alone(batch: Batch) -> Batch:
    """The same rows without the baseline."""
    return replace(batch, baseline=None)


def _spread_out(rng: np.random.Generator) -> Floats:
    return 0.7 * rng.dirichlet(np.full(_ARTWORKS, 2.0), size=_SITUATIONS) + 0.3 / _ARTWORKS


def _mostly(liked: NDArray[np.int64], floor: float) -> Floats:
    table = np.full((_SITUATIONS, _ARTWORKS), floor)
    table[np.arange(_SITUATIONS), liked] += 1.0 - floor * _ARTWORKS
    return table
