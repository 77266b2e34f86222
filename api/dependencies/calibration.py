"""A running check that the probabilities on record are those that were drawn with (C6). Knows no storage.

An artwork that is drawn with probability p counts 1/p when it is drawn and 0 when it is not, so the mean of that count
is 1 (Horvitz and Thompson 1952). Over the K artworks of a slot that could be drawn, the mean is 1/(K·p) of the drawn.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bandit.decision import Reason, Slot


@dataclass(frozen=True, slots=True)
class Calibration:
    """Sums over drawn slots; `weight / slots` should be 1, with a standard error from `squares`."""

    slots: int = 0
    weight: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Calibration") -> "Calibration":
        return Calibration(self.slots + other.slots, self.weight + other.weight, self.squares + other.squares)


def calibration_of(slots: Iterable[Slot]) -> Calibration:
    """The sums of slots that were drawn among at least two artworks."""
    weights: list[float] = []
    for slot in slots:
        if slot.reason is Reason.POLICY:
            stated = slot.probabilities
            possible = len(stated) - stated.count(0.0)
            if possible > 1:
                weights.append(1.0 / (possible * stated[slot.chosen]))
    return Calibration(len(weights), math.fsum(weights), math.fsum([one * one for one in weights]))
