"""How much a log says about a target: weights, effective rows and support. Knows no rewards' meaning and no verdicts.

Small frozen sums of a batch each; `+` merges parts.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.ope.batch import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Sums over the weights w = π(a|x) / p of `rows` rows, which stand for `decisions`; `agreement` is Σ π(a|x).

    In every sum a row that was logged with probability q counts 1 / q times.
    """

    rows: int = 0
    decisions: float = 0.0
    total: float = 0.0
    squared: float = 0.0
    rewarded: float = 0.0
    rewarded_squared: float = 0.0
    agreement: float = 0.0
    largest: float = 0.0
    smallest_propensity: float = math.inf
    largest_propensity: float = 0.0
    lowest_reward: float = math.inf
    highest_reward: float = -math.inf

    @classmethod
    def of(cls, batch: Batch) -> "Weights":
        """The sums of a batch with at least one row."""
        weights = batch.weights * batch.stands_for
        earned = np.abs(weights * batch.reward)
        return cls(
            rows=len(batch),
            decisions=float(batch.stands_for.sum()),
            total=float(weights.sum()),
            squared=float(weights @ weights),
            rewarded=float(earned.sum()),
            rewarded_squared=float(earned @ earned),
            agreement=float(batch.target @ batch.stands_for),
            largest=float(weights.max()),
            smallest_propensity=float(batch.propensity.min()),
            largest_propensity=float(batch.propensity.max()),
            lowest_reward=float(batch.reward.min()),
            highest_reward=float(batch.reward.max()),
        )

    def __add__(self, other: "Weights") -> "Weights":
        return Weights(
            rows=self.rows + other.rows,
            decisions=self.decisions + other.decisions,
            total=self.total + other.total,
            squared=self.squared + other.squared,
            rewarded=self.rewarded + other.rewarded,
            rewarded_squared=self.rewarded_squared + other.rewarded_squared,
            agreement=self.agreement + other.agreement,
            largest=max(self.largest, other.largest),
            smallest_propensity=min(self.smallest_propensity, other.smallest_propensity),
            largest_propensity=max(self.largest_propensity, other.largest_propensity),
            lowest_reward=min(self.lowest_reward, other.lowest_reward),
            highest_reward=max(self.highest_reward, other.highest_reward),
        )

    @property
    def mean(self) -> float:
        """Σ w / n: about 1 where propensities are true and the target is supported."""
        return self.total / self.decisions

    @property
    def effective_rows(self) -> float:
        """(Σ w)² / Σ w² (Kish 1965): how many rows drawn by the target itself these are worth, at most."""
        return self.total**2 / self.squared if self.squared else 0.0

    @property
    def rewarded_effective_rows(self) -> float:
        """(Σ w|r|)² / Σ (w r)²: the same over what was rewarded, which is what an estimate of rare rewards rests on."""
        return self.rewarded**2 / self.rewarded_squared if self.rewarded_squared else 0.0

    @property
    def heaviest_share(self) -> float:
        """The largest weight's share of all."""
        return self.largest / self.total if self.total else 0.0

    @property
    def take_fraction(self) -> float:
        """Σ π(a|x) / n: the share of rows on which a draw of the target equals the logged artwork."""
        return self.agreement / self.decisions

    @property
    def one_propensity(self) -> bool:
        """Whether every row was logged with one and the same probability, as replay needs."""
        return self.largest_propensity - self.smallest_propensity <= 1e-6 * self.largest_propensity

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; empty without rows."""
        if not self.rows:
            return {}
        return {
            "mean_weight": self.mean,
            "largest_weight": self.largest,
            "effective_sample_size": self.effective_rows,
            "rewarded_effective_sample_size": self.rewarded_effective_rows,
            "take_fraction": self.take_fraction,
            "smallest_propensity": self.smallest_propensity,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Where the target's probability lies, over `rows` rows whose eligible artworks are known.

    They stand for `decisions`, which is how often each counts.
    `unsupported` and `below_floor` are sums of target probability on artworks that were logged with probability 0, or
    under the floor but above 0; `never_logged` counts the artworks with probability 0.
    """

    rows: int = 0
    decisions: float = 0.0
    unsupported: float = 0.0
    below_floor: float = 0.0
    never_logged: int = 0

    @classmethod
    def of(cls, batch: Batch, *, floor: float) -> "Support":
        """The sums of a batch; nothing where the batch does not know the eligible artworks."""
        eligible = batch.eligible
        if eligible is None:
            return cls()
        impossible = eligible.logged <= 0.0
        rare = (eligible.logged < floor) & ~impossible
        mass = eligible.target * np.repeat(batch.stands_for, eligible.counts)
        return cls(
            rows=len(batch),
            decisions=float(batch.stands_for.sum()),
            unsupported=float(mass[impossible].sum()),
            below_floor=float(mass[rare].sum()),
            never_logged=int(impossible.sum()),
        )

    def __add__(self, other: "Support") -> "Support":
        return Support(
            rows=self.rows + other.rows,
            decisions=self.decisions + other.decisions,
            unsupported=self.unsupported + other.unsupported,
            below_floor=self.below_floor + other.below_floor,
            never_logged=self.never_logged + other.never_logged,
        )

    def to_json(self, *, floor: float) -> dict[str, Any] | None:
        """Masses as shares of the target's probability; None where the eligible artworks are unknown."""
        if not self.rows:
            return None
        return {
            "unsupported_mass": self.unsupported / self.decisions,
            "below_floor_mass": self.below_floor / self.decisions,
            "floor": floor,
        }
