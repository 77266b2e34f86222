"""Numbers cut into named ranges, so that they can be segments: a title's score, an artwork's age. Knows no log."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bandit.ope.batch import Floats, Labels

UNKNOWN = "unknown"


def buckets(values: Floats, edges: Sequence[float]) -> Labels:
    """Name the range of each value (n,); `edges` rise, and each begins a range. What is not finite is unknown.

    Raises:
        ValueError: there are no edges, or they do not rise.
    """
    if not edges or any(later <= earlier for earlier, later in pairwise(edges)):
        raise ValueError(f"{[*edges]} do not rise: give the numbers at which ranges begin, such as 0.1, 0.5")
    names = [
        f"under {edges[0]:g}",
        *(f"{low:g} to {high:g}" for low, high in pairwise(edges)),
        f"{edges[-1]:g} or more",
    ]
    codes = np.searchsorted(np.array(edges), values, side="right")
    codes[~np.isfinite(values)] = len(names)
    return Labels(codes=codes.astype(np.int64), names=(*names, UNKNOWN))
