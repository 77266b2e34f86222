"""A running check that the probabilities on record are those that were drawn with (C6). Knows no storage.

An artwork that is drawn with probability p counts 1/p when it is drawn and 0 when it is not, so the mean of that count
is 1 (Horvitz and Thompson 1952). Over the K artworks of a slot that could be drawn, the mean is 1/(K·p) of the drawn.
"""

from dataclasses import dataclass

from bandit.decision import Page, Reason


@dataclass(frozen=True, slots=True)
class Calibration:
    """Sums over drawn slots; `weight / slots` should be 1, with a standard error from `squares`."""

    slots: int
    weight: float
    squares: float


def calibration_of(page: Page) -> Calibration:
    """The sums of one page: slots that were drawn among at least two artworks."""
    slots, weight, squares = 0, 0.0, 0.0
    for slot in page.slots:
        stated = slot.probabilities
        possible = len(stated) - stated.count(0.0)
        if possible > 1 and slot.reason is Reason.POLICY:
            one = 1.0 / (possible * stated[slot.chosen])
            slots += 1
            weight += one
            squares += one * one
    return Calibration(slots, weight, squares)
