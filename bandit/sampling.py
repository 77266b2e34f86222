"""The one place that draws: a keyed draw that anyone can recompute. Knows no policy and no log.

The draw's key is (salt, viewer, title, window): within a window a viewer keeps an artwork of a title as long as
the probabilities stay as they are, and no state is needed to remember it.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from operator import attrgetter

from bandit.context import Candidate
from bandit.errors import InvalidProbabilities

SUM_TOLERANCE = 1e-6
_artwork_id = attrgetter("artwork")


def draw_uniform(salt: str, viewer: str, title: str, window: int) -> float:
    """Return the number in [0, 1) that belongs to this key: the first 53 bits of BLAKE2b over its parts.

    Every part is preceded by its length in bytes, so ("ab", "c") and ("a", "bc") are different keys.
    """
    key = bytearray()
    for part in (salt, viewer, title, str(window)):
        encoded = part.encode()
        key += len(encoded).to_bytes(8, "little") + encoded
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def draw(probabilities: Sequence[float], u: float) -> int:
    """Return the index whose part of the cumulated distribution holds `u`, a number in [0, 1).

    `probabilities` are taken in canonical order (see `canonical`). What has probability 0 is never drawn.

    Raises:
        InvalidProbabilities: one is negative or not finite, there is none, or they do not sum to 1 within 1e-6.
    """
    check_distribution(probabilities)
    for index, bound in enumerate(accumulate(probabilities)):
        if u < bound:
            return index
    return max(index for index, probability in enumerate(probabilities) if probability > 0)


def check_distribution(probabilities: Sequence[float]) -> None:
    """Refuse what is not a distribution.

    Raises:
        InvalidProbabilities: one is negative or not finite, there is none, or they do not sum to 1 within 1e-6.
    """
    total = math.fsum(probabilities) if all(map(math.isfinite, probabilities)) else math.nan
    if abs(total - 1.0) <= SUM_TOLERANCE and min(probabilities) >= 0:
        return
    raise InvalidProbabilities(
        f"{list(probabilities)} is not a distribution (sum {total:.9g}); a policy must state one finite, non-negative "
        "probability an artwork, summing to 1: fix the policy version or roll it back"
    )


def window_of(at: datetime, seconds: int) -> int:
    """Return the number of the window of `seconds` length that holds `at`, counted from 1970 in UTC.

    Raises:
        ValueError: `seconds` is below 1, or `at` has no timezone.
    """
    if seconds < 1:
        raise ValueError(f"a window of {seconds} seconds cannot be counted; set at least 1")
    if at.tzinfo is None:
        raise ValueError(f"{at} has no timezone; pass a timezone-aware time")
    return math.floor(at.timestamp()) // seconds


def canonical(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return `candidates` in the order that probabilities are logged and drawn in: by artwork id."""
    return sorted(candidates, key=_artwork_id)
