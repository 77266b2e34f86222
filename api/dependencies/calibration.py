"""A running check that the probabilities on record are those that were drawn with (C6). Knows no storage.

An artwork that is drawn with probability p counts 1/p when it is drawn and 0 when it is not, so the mean of that count
is 1 (Horvitz and Thompson 1952). Over the K artworks of a slot that could be drawn, the mean is 1/(K·p) of the drawn.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bandit.decision import Page, Reason


@dataclass(frozen=True, slots=True)
class Calibration:
    """Sums over drawn slots; `weight / slots` should be 1, with a standard error from `squares`."""

    slots: int
    weight: float
    squares: float


def calibration_of(pages: Iterable[Page]) -> Calibration:
    """The sums of some pages: slots that were drawn among at least two artworks."""
    weights = [
        1.0 / ((len(slot.probabilities) - slot.probabilities.count(0.0)) * slot.probabilities[slot.chosen])
        for page in pages
        for slot in page.slots
        if slot.reason is Reason.POLICY and len(slot.probabilities) - slot.probabilities.count(0.0) > 1
    ]
    return Calibration(len(weights), math.fsum(weights), math.fsum([one * one for one in weights]))
