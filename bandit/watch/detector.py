"""Evidence that something changed, gathered look by look: alarms that hold however often one looks. Knows no log.

A look's evidence is an e-value: a number ≥ 0 whose mean is at most 1 while all is well. The Shiryaev–Roberts sum
R ← (R + 1) · e over looks is an e-detector (Shin, Ramdas & Rinaldo 2022): while all is well, the mean number of looks
until R first reaches c is at least c. It forgets a healthy past by itself, so a change is found as soon after a year as
after an hour. Any weighted mean of such sums with weights that add up to 1 at most is one again: over alternatives
that each look for a change of another size, and over streams, of which the j-th weighs 1 / (j (j + 1)).
"""

import math
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

PATIENCE = 1e6
"""Looks until a false alarm, on average at least: two years at one look a minute."""


class KeptStream(msgspec.Struct, frozen=True, array_like=True):
    """A stream's sums and weight, as they are kept for whoever goes on."""

    name: tuple[str, ...]
    sums: tuple[float, ...]
    weight: float


class EDetector:
    """Sums of any number of streams, each with the same m alternatives. Kept in memory: a stream is m numbers."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = math.log(patience)
        self._sums: dict[tuple[str, ...], tuple[NDArray[np.float64], float]] = {}

    def kept(self) -> tuple[KeptStream, ...]:
        """All streams between two looks; `go_on` takes them up again."""
        return tuple(KeptStream(name, tuple(sums.tolist()), weight) for name, (sums, weight) in self._sums.items())

    def go_on(self, kept: Iterable[KeptStream]) -> None:
        """Go on from streams that were kept, in the place of all of one's own."""
        self._sums = {each.name: (np.array(each.sums), each.weight) for each in kept}

    def look(self, stream: tuple[str, ...], log_e: NDArray[np.float64]) -> bool:
        """Take in a look's log e-values (m,), one an alternative, and tell whether the stream is in alarm.

        A stream that was in alarm begins anew.
        """
        if stream not in self._sums:
            number = len(self._sums) + 1
            self._sums[stream] = (np.full(len(log_e), -np.inf), math.log(number * (number + 1)))
        before, weight = self._sums[stream]
        sums = np.logaddexp(before, 0.0) + log_e
        mean = float(np.logaddexp.reduce(sums)) - math.log(len(sums))
        alarm = mean >= self._patience + weight
        self._sums[stream] = (np.full(len(log_e), -np.inf) if alarm else sums, weight)
        return alarm


def bounded_log_e(values: NDArray[np.float64], *, most: float, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log e-values (m,) against "the mean of values (n,) in [0, 1] is at most `most`", by betting on more.

    Each bets a share in (0, 1) of what may be bet: 1 + λ (x − most) with λ = share / most (Waudby-Smith & Ramdas 2024).
    """
    stakes = shares / most
    return np.log1p(stakes[:, np.newaxis] * (values[np.newaxis] - most)).sum(axis=1)
