"""How long a simulated viewer watches once a play began. Knows no viewers, no artworks and no chance.

A play goes one of two ways: it disappoints and is soon abandoned, or it satisfies and goes on. Each way is a
distribution over a few shares of the title, so the expected quality of a play is a finite sum, exact.
"""

import numpy as np
from numpy.typing import NDArray

from bandit.rewards import quality

Floats = NDArray[np.float64]

SHARES: Floats = np.array([0.005, 0.02, 0.06, 0.15, 0.4, 0.7, 0.95, 1.0])
"""The shares of a title that a play can end at."""

_DISAPPOINTED: Floats = np.array([0.40, 0.30, 0.15, 0.08, 0.04, 0.02, 0.005, 0.005])
_SATISFIED: Floats = np.array([0.01, 0.02, 0.02, 0.05, 0.10, 0.15, 0.35, 0.30])


def share_distribution(satisfaction: Floats) -> Floats:
    """Mix the two ways: `satisfaction` (n,) in [0, 1] → probabilities (n, len(SHARES)), rows summing to 1."""
    weight = satisfaction[:, None]
    return (1.0 - weight) * _DISAPPOINTED + weight * _SATISFIED


def quality_table(runtime_seconds: Floats) -> Floats:
    """What a play that ends at each share is worth (`bandit.rewards.quality`): (titles,) → (titles, len(SHARES))."""
    rows = [[quality(share * runtime, runtime) for share in SHARES.tolist()] for runtime in runtime_seconds.tolist()]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(SHARES))


def worth_of_ways(qualities: Floats) -> Floats:
    """The expected worth of a play that disappoints and of one that satisfies: (titles, len(SHARES)) → (titles, 2)."""
    return qualities @ np.stack([_DISAPPOINTED, _SATISFIED], axis=1)
