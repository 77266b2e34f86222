"""The one place that draws: a keyed draw that anyone can recompute. Knows no policy and no log.

The draw's key is (salt, viewer, title, window): within a window a viewer keeps an artwork of a title as long as
the probabilities stay as they are, and no state is needed to remember it.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from bandit.context import Candidate
from bandit.errors import InvalidProbabilities
from bandit.kernels import drawn_slots, warm

SUM_TOLERANCE = 1e-6
_artwork_id = attrgetter("artwork")


def draw_uniform(salt: str, viewer: str, title: str, window: int) -> float:
    """Return the number in [0, 1) that belongs to this key: the first 53 bits of BLAKE2b over its parts.

    Every part is preceded by its length in bytes, so ("ab", "c") and ("a", "bc") are different keys.
    """
    key = _part(salt) + _part(viewer) + _part(title) + _part(str(window))
    return (int.from_bytes(blake2b(key, digest_size=8).digest()) >> 11) / 2.0**53


def draw_uniforms(titles: Iterable[str], *, salt: str, viewer: str, window: int) -> list[float]:
    """Return `draw_uniform` of every title of a page, with what they share of the key made once."""
    before, after = _part(salt) + _part(viewer), _part(str(window))
    digests = b"".join([blake2b(before + _title_part(title) + after, digest_size=8).digest() for title in titles])
    numbers: NDArray[np.float64] = (np.frombuffer(digests, dtype=">u8") >> 11) / 2.0**53
    return numbers.tolist()


def _part(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(8, "little") + encoded


_title_part = lru_cache(maxsize=100_000)(_part)
"""The same few titles are drawn for again and again."""


def draw(probabilities: Sequence[float], u: float) -> int:
    """Return the index whose part of the cumulated distribution holds `u`, a number in [0, 1).

    `probabilities` are taken in canonical order (see `canonical`). What has probability 0 is never drawn.

    Raises:
        InvalidProbabilities: one is negative or not finite, there is none, or they do not sum to 1 within 1e-6.
    """
    bounds = [*accumulate(probabilities)]
    if not (bounds and abs(bounds[-1] - 1.0) <= SUM_TOLERANCE and min(probabilities) >= 0):
        check_distribution(probabilities)
    index = bisect_right(bounds, u)
    if index < len(bounds):
        return index
    return max(index for index, probability in enumerate(probabilities) if probability > 0)


def draw_each(
    probabilities: NDArray[np.float64], numbers: Sequence[float] | NDArray[np.float64], *, bounds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return `draw` of n slots at once: (n,) indices, each within its slot.

    `probabilities` of all slots lie one after the other, those of slot i from `bounds[i]` to `bounds[i + 1]`; `numbers`
    are (n,), as `draw_uniforms` gives them.

    Raises:
        InvalidProbabilities: see `draw`; the first slot that is no distribution is named by its probabilities.
    """
    chosen = drawn_slots(probabilities, bounds, np.asarray(numbers, dtype=np.float64), SUM_TOLERANCE)
    for slot in [index for index, found in enumerate(chosen.tolist()) if found < 0]:
        chosen[slot] = draw(probabilities[bounds[slot] : bounds[slot + 1]].tolist(), float(numbers[slot]))
    return chosen


def warm_up() -> None:
    """Draw once, so that no page waits for the kernel to be compiled or read from disk."""
    warm(lambda: draw_each(np.ones(1), [0.5], bounds=np.array([0, 1], dtype=np.int64)))


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


def in_asked_order(asked: Sequence[Candidate], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one number an artwork, given in canonical order, in the order that the artworks were asked in."""
    restored = np.empty(len(asked))
    restored[sorted(range(len(asked)), key=lambda index: asked[index].artwork)] = numbers
    return restored
