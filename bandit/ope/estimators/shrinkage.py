"""Ways to make heavy weights lighter, and the terms of what is left of them. Knows no estimator and no rule.

A shrinkage keeps ŵ ≤ w of a row's weight w = π(a|x) / p. What it takes away is bias, what it leaves is less variance.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.residuals import WeightedResidual, residual
from bandit.ope.terms import Term, WeightedReward


@dataclass(frozen=True)
class Shrinkage(ABC):
    """One way, with a `limit` above 0 that takes nothing away where it is infinite."""

    limit: float

    @abstractmethod
    def of(self, weights: Floats) -> Floats:
        """The kept part ŵ of weights w: (n,) → (n,), never more than w."""


@final
@dataclass(frozen=True)
class Clipped(Shrinkage):
    """ŵ = min(w, limit) (Ionides 2008: truncated importance sampling)."""

    def of(self, weights: Floats) -> Floats:
        """See `Shrinkage.of`."""
        return np.minimum(weights, self.limit)


@final
@dataclass(frozen=True)
class Switched(Shrinkage):
    """ŵ = w where w ≤ limit, else 0 (Wang, Agarwal & Dudík 2017: SWITCH)."""

    def of(self, weights: Floats) -> Floats:
        """See `Shrinkage.of`."""
        return np.where(weights <= self.limit, weights, 0.0)


@final
@dataclass(frozen=True)
class Shrunk(Shrinkage):
    """ŵ = λ w / (w² + λ), λ the limit; never above √λ / 2 (Su, Dimakopoulou, Krishnamurthy & Dudík 2020)."""

    def of(self, weights: Floats) -> Floats:
        """See `Shrinkage.of`."""
        return weights / (weights * weights / self.limit + 1.0)


@final
@dataclass(frozen=True)
class KeptReward(Term):
    """ŵ r."""

    shrinkage: Shrinkage

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return self.shrinkage.of(batch.weights) * batch.reward


@final
@dataclass(frozen=True)
class KeptResidual(Term):
    """ŵ (r − q), q the predicted reward of the artwork that was shown; the batch must know it."""

    shrinkage: Shrinkage

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return self.shrinkage.of(batch.weights) * residual(batch)


def kept_reward(shrinkage: Shrinkage) -> Term:
    """The term ŵ r, or w r itself where nothing is taken away."""
    return WeightedReward() if math.isinf(shrinkage.limit) else KeptReward(shrinkage)


def kept_residual(shrinkage: Shrinkage) -> Term:
    """The term ŵ (r − q), or w (r − q) itself where nothing is taken away."""
    return WeightedResidual() if math.isinf(shrinkage.limit) else KeptResidual(shrinkage)
