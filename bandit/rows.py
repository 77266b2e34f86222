"""Rows of the log: checked before they are learned from, and drawn again from their record. Knows no engine."""

from collections.abc import Mapping

import numpy as np

from bandit.context import Vector
from bandit.decision import Page, RewardedDecision, Slot
from bandit.errors import InvalidExample, InvalidProbabilities
from bandit.sampling import check_distribution, draw, draw_uniform


def check_row(row: RewardedDecision, vectors: Mapping[str, Vector]) -> None:
    """Refuse a row that cannot be learned from.

    Raises:
        InvalidExample: its probabilities, its reward, its viewer vector or its artworks' vectors are unusable.
    """
    decision = row.decision
    place = f"page {row.page.page} slot {row.slot}"
    if not 0 <= decision.chosen < len(decision.artworks) == len(decision.images) == len(decision.probabilities):
        raise InvalidExample(f"{place}: chosen, artworks, images and probabilities do not fit; drop the row")
    try:
        check_distribution(decision.probabilities)
    except InvalidProbabilities as error:
        raise InvalidExample(f"{place}: {error}") from error
    if not decision.probability > 0:
        raise InvalidExample(f"{place}: the shown artwork had probability 0; drop the row, its log is wrong")
    if not 0 <= row.reward <= 1:
        raise InvalidExample(f"{place}: reward {row.reward} is not in [0, 1]; join the rewards again")
    stored = row.page.viewer_vector
    if stored is not None and (not stored or len(stored) % 4 or not np.isfinite(np.frombuffer(stored, "<f4")).all()):
        raise InvalidExample(f"{place}: the viewer vector is empty, cut short or not finite; drop the row")
    for key in decision.images:
        if key not in vectors:
            raise InvalidExample(f"{place}: no vector for image {key}; embed it in the live embedding version")


def redraw(page: Page, slot: Slot) -> int:
    """Return what a logged slot's draw gives when it is made again; `slot.chosen` unless the log is wrong (C6)."""
    return draw(slot.probabilities, draw_uniform(page.salt, page.viewer, slot.title, page.window))
