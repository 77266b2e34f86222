"""The terms that a reward model adds: what it foresees of the target, and what it missed. Knows no model."""

from dataclasses import dataclass
from typing import final

from bandit.ope.batch import Batch, Floats, Predicted
from bandit.ope.terms import Term


@final
@dataclass(frozen=True)
class PredictedTarget(Term):
    """Σ_a π(a|x) q(x, a) over the eligible artworks; the batch must be predicted."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return _predicted(batch).target


@final
@dataclass(frozen=True)
class WeightedResidual(Term):
    """w (r − q), q the predicted reward of the artwork that was shown; the batch must be predicted."""

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`."""
        return batch.weights * residual(batch)


def residual(batch: Batch) -> Floats:
    """r − q of the artwork that was shown: (n,). Raises ValueError where the batch is not predicted."""
    return batch.reward - _predicted(batch).shown


def _predicted(batch: Batch) -> Predicted:
    if batch.predicted is None:
        raise ValueError("this batch has no predicted rewards: fit a reward model (bandit.ope.models) first")
    return batch.predicted
