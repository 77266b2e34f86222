"""Logarithmic smoothing: weighted rewards grow only as their logarithm, and a lower bound that adapts comes with it."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.pessimistic import Pessimistic
from bandit.ope.terms import Term


@final
@dataclass(frozen=True)
class SmoothedReward(Term):
    """ln(1 + λ w r) / λ, below w r; rewards below 0 count nothing."""

    smoothing: float

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        earned = np.maximum(batch.weights * batch.reward, 0.0)
        return np.log1p(self.smoothing * earned) / self.smoothing


@final
class LogSmoothing(Pessimistic):
    """Σ ln(1 + λ w r) / (λ n) (Sakhi, Aouali, Alquier & Chopin 2024, for rewards instead of costs).

    As E exp(ln(1 + λ w r)) = 1 + λ V ≤ exp(λ V), Chernoff's bound puts the truth V above it less ln(1 / δ) / (λ n) with
    probability 1 − δ, whatever the weights. `unbiased` is IPS, which is λ → 0.
    """

    name = "log_smoothing"
    assumes = "the logged probabilities are those that were drawn from; rewards are not negative"
    parameter = "smoothing"
    largest_reward = math.inf
    grid = (1.0, 0.2, 0.04, 0.008, 0.0015)

    def member(self, value: float) -> Term:
        """See `Pessimistic.member`."""
        return SmoothedReward(value)

    def allowance(self, value: float) -> float:
        """See `Pessimistic.allowance`."""
        return 1.0 / value
