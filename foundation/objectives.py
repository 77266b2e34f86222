"""What training makes small. Knows no viewers and no optimiser."""

from torch import Tensor
from torch.nn import functional


def next_title_loss(scores: Tensor, targets: Tensor, *, weights: Tensor) -> Tensor:
    """Return the mean cross-entropy of the next title over all titles, each target weighted by what it is worth.

    scores (n, titles) unnormalised log-probabilities, targets (n,) positions among the titles, weights (n,) positive.
    """
    return (functional.cross_entropy(scores, targets, reduction="none") * weights).sum() / weights.sum()
