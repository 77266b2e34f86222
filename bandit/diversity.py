"""Not six close-ups of one face in a row: what looks like its neighbours on the page becomes less probable.

Looks at vectors and at what was drawn before on the same page, and at nothing else. It moves probabilities before the
draw, so every slot's logged distribution is the exact one given the draws before it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit.context import Vector
from bandit.errors import BanditError

Probabilities = NDArray[np.float64]

REACH: Final = 3
"""How many slots before count as neighbours: about what is on the screen at once."""

SHARPNESS: Final = 12.0
"""At strength 1, an artwork whose cosine with a neighbour is .1 higher than another's keeps exp(−1.2) of its odds."""


class InvalidDiversity(BanditError):
    """The strength of diversity is not in [0, 1]."""


def check_strength(strength: float) -> None:
    """Refuse a strength that means nothing.

    Raises:
        InvalidDiversity: it is not in [0, 1].
    """
    if not 0.0 <= strength <= 1.0:
        raise InvalidDiversity(f"a page diversity of {strength} has no meaning: give 0 (off) to 1 (strongest)")


def diversified(
    stated: Probabilities, vectors: Sequence[Vector], shown: Sequence[Vector], *, strength: float
) -> Probabilities:
    """Return `stated`, (K,), with each artwork's odds lowered by exp(−SHARPNESS · strength · likeness).

    `vectors` are the K artworks', unit norm; `shown` those drawn so far on this page, in order: the last REACH count.
    An artwork's likeness is its largest cosine with one of them. Only differences of likeness matter, so the level of
    an embedding's cosines does not; what has probability 0 keeps it. Sums run in a fixed order, in float64.
    """
    if not strength or not shown or len(stated) < 2:
        return stated
    neighbours = np.stack(shown[-REACH:]).astype(np.float64)
    cosines = (np.stack(vectors).astype(np.float64)[:, np.newaxis] * neighbours).sum(axis=2)
    likeness: Probabilities = cosines.max(axis=1)
    # Counted from the least likely one that can be shown, so that nothing underflows to 0.
    excess = np.maximum(likeness - likeness[stated > 0].min(), 0.0)
    weighted = stated * np.exp(-SHARPNESS * strength * excess)
    return weighted / weighted.sum()
