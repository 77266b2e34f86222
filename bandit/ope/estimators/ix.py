"""Implicit exploration: probabilities are taken as a little larger than they were, so rare draws count less."""

from dataclasses import dataclass
from typing import final

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.pessimistic import Pessimistic
from bandit.ope.terms import Term


@final
@dataclass(frozen=True)
class ExploredReward(Term):
    """π(a|x) r / (p + γ)."""

    gamma: float

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return batch.target * batch.reward / (batch.propensity + self.gamma)


@final
class ImplicitExploration(Pessimistic):
    """Σ π(a|x) r / (p + γ) / n (Neu 2015; for policies Gabbianelli, Neu & Papini 2023).

    For rewards in [0, 1] the truth is above it less ln(1 / δ) / (2 γ n) with probability 1 − δ (Neu 2015, lemma 1).
    `unbiased` is IPS, which is γ = 0.
    """

    name = "ix"
    assumes = "the logged probabilities are those that were drawn from; rewards lie in their stated range"
    parameter = "gamma"
    largest_reward = 1.0
    grid = (0.3, 0.06, 0.012, 0.0024, 0.0005)

    def member(self, value: float) -> Term:
        """See `Pessimistic.member`."""
        return ExploredReward(value)

    def allowance(self, value: float) -> float:
        """See `Pessimistic.allowance`."""
        return self._largest / (2.0 * value)
