"""Rows of the log: checked before they are learned from, and drawn again from their record. Knows no engine."""

from collections.abc import Mapping

import numpy as np

from bandit.context import Context, Picture
from bandit.decision import Page, RewardedDecision, Slot
from bandit.errors import InvalidExample, InvalidProbabilities
from bandit.sampling import check_distribution, draw, draw_uniform


def check_row(row: RewardedDecision, pictures: Mapping[str, Picture]) -> None:
    """Refuse a row that cannot be learned from.

    Raises:
        InvalidExample: its artworks, probabilities, reward, viewer or intent vector are unusable, the share of pages
            that were logged is none, or one of its images is not in `pictures`.
    """
    place = f"page {row.page.page} slot {row.slot}"
    _check_drawn(row.decision, place)
    if not 0 < row.page.kept <= 1:
        raise InvalidExample(f"{place}: it was logged with probability {row.page.kept}; drop the row, its log is wrong")
    if not 0 <= row.reward <= 1:
        raise InvalidExample(f"{place}: reward {row.reward} is not in [0, 1]; join the rewards again")
    for what, stored in (("viewer vector", row.page.viewer_vector), ("intent vector", row.page.intent_vector)):
        if not _sound(stored):
            raise InvalidExample(f"{place}: the {what} is empty, cut short or not finite; drop the row")
    for key in row.decision.images:
        if key not in pictures:
            raise InvalidExample(f"{place}: no vector for image {key}; embed it in the live embedding version")


def _check_drawn(decision: Slot, place: str) -> None:
    if not 0 <= decision.chosen < len(decision.artworks) == len(decision.images) == len(decision.probabilities):
        raise InvalidExample(f"{place}: chosen, artworks, images and probabilities do not fit; drop the row")
    if len({*decision.artworks}) < len(decision.artworks):
        raise InvalidExample(f"{place}: an artwork is listed twice; drop the row, its log is wrong")
    try:
        check_distribution(decision.probabilities)
    except InvalidProbabilities as error:
        raise InvalidExample(f"{place}: {error}") from error
    if not decision.probability > 0:
        raise InvalidExample(f"{place}: the shown artwork had probability 0; drop the row, its log is wrong")


def _sound(stored: bytes | None) -> bool:
    return stored is None or (
        len(stored) > 0 and len(stored) % 4 == 0 and bool(np.isfinite(np.frombuffer(stored, "<f4")).all())
    )


def context_again(page: Page, slot: Slot, *, foundation: str | None, intent: str | None) -> Context:
    """Return what a policy that understands these versions of viewer and intent vectors may look at for a logged slot.

    A vector of another version counts as none, as it does in learning and in serving (C12).
    """
    return Context(
        request=page.request,
        viewer_vector=page.vector() if page.foundation_version == foundation else None,
        intent_vector=page.intent() if page.intent_version == intent else None,
        position=slot.position,
        score=slot.score,
        title=slot.title,
    )


def redraw(page: Page, slot: Slot) -> int:
    """Return what a logged slot's draw gives when it is made again; `slot.chosen` unless the log is wrong (C6)."""
    return draw(slot.probabilities, draw_uniform(page.salt, page.viewer, slot.title, page.window))
