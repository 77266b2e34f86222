"""What a learner hands to the compiled policy: plain matrices. Knows no learner, no features and no exploration.

The predicted cost of an artwork in a context is

    row · (artwork + context · crossed) + main_row · main + own

with the rows of `bandit.encoding.FeatureSpace`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """`crossed` (context_width, artwork_width), `artwork` (artwork_width,), `own` and `experience` (known,).

    `main` is (main_width,), or empty where labels and measures do not count. `experience` is how much is known of
    each artwork: the number of learned decisions that showed it. `experience_of_others` is that of an artwork
    that the log did not hold: 0, unless all artworks are to be explored alike as the engine does.
    """

    crossed: NDArray[np.float64]
    artwork: NDArray[np.float64]
    own: NDArray[np.float64]
    experience: NDArray[np.float64]
    main: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    experience_of_others: float = 0.0
