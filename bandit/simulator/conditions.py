"""The conditions of a play: what is seen, what is reported and when, what is logged. Knows no World."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bandit.errors import BanditError

Floats = NDArray[np.float64]
_TINY = float(np.finfo(np.float64).tiny)


class InvalidConditions(BanditError):
    """A knob of a play stands where it cannot."""


class Logged(Enum):
    """Which propensity the log keeps: the one that was drawn from, or 1 / K whatever was drawn from."""

    DRAWN = "drawn"
    UNIFORM = "uniform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The knobs of a play; as they are, each page has one slot, all is seen and known at once, and the log is right.

    `activity_spread` is the σ of viewers' log-normal activity: at 1 the busiest hundredth sees about ten times the
    median's pages. A slot at position i is seen with probability (1 − `unseen_share`) · (1 + i)^−`position_bias`.
    `lost_share` of the plays are never reported: they look as if nothing was played. The others are reported after a
    log-normal delay with median `delay` (1 is the whole play) and σ `delay_spread`. The logged propensity is that of
    `logged`, times `propensity_factor`, times exp(σ · normal) with σ `propensity_noise`, and never above 1.

    Raises:
        InvalidConditions: a share is outside [0, 1], or a number that must not be is below 0 (or 1 slot, or 0 times).
    """

    slots_per_page: int = 1
    activity_spread: float = 0.0
    position_bias: float = 0.0
    unseen_share: float = 0.0
    lost_share: float = 0.0
    delay: float = 0.0
    delay_spread: float = 0.0
    logged: Logged = Logged.DRAWN
    propensity_factor: float = 1.0
    propensity_noise: float = 0.0

    def __post_init__(self) -> None:
        lowest = {"slots_per_page": 1.0, "propensity_factor": _TINY}
        highest = {"unseen_share": 1.0, "lost_share": 1.0}
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "logged" and not lowest.get(name, 0.0) <= value <= highest.get(name, np.inf):
                raise InvalidConditions(f"{name} is {value}: see `Conditions` for what it may be")

    def seen(self, rng: np.random.Generator, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Draw which slots are seen, by their positions (n,)."""
        chance = (1.0 - self.unseen_share) * (1.0 + positions) ** -self.position_bias
        return rng.random(len(positions)) < chance

    def arrivals(self, rng: np.random.Generator, at: Floats) -> Floats:
        """Draw when it is known what came of the decisions made `at` (n,); infinite where it never is."""
        lost = rng.random(len(at)) < self.lost_share
        delays = self.delay * np.exp(self.delay_spread * rng.normal(size=len(at)))
        return np.where(lost, np.inf, at + delays)

    def logged_table(
        self, rng: np.random.Generator, drawn: Floats, *, chosen: NDArray[np.int64], eligible: NDArray[np.bool_]
    ) -> Floats:
        """What the log keeps of the distributions `drawn` (n, artworks) from which `chosen` (n,) came.

        A wrong propensity takes from the other artworks what it has too much, in proportion, so that rows still sum to
        1. `eligible` (n, artworks) marks those that may have a probability.
        """
        error = self.propensity_factor * np.exp(self.propensity_noise * rng.normal(size=len(drawn)))
        kept = drawn if self.logged is Logged.DRAWN else eligible / eligible.sum(axis=1, keepdims=True)
        if self.propensity_factor == 1.0 and not self.propensity_noise:
            return kept
        rows = np.arange(len(kept))
        others = kept.copy()
        others[rows, chosen] = 0.0
        certain = others.sum(axis=1) <= 0.0
        others[certain] = eligible[certain]
        others[rows, chosen] = 0.0
        rest = others.sum(axis=1)
        wrong = np.where(rest > 0.0, np.minimum(1.0, kept[rows, chosen] * error), 1.0)
        others *= ((1.0 - wrong) / np.maximum(rest, _TINY))[:, None]
        others[rows, chosen] = wrong
        return others
