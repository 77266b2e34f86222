"""From stated probabilities to what a page shows, slot by slot: diversity, then guards, then the keyed draw (C6).

Knows no policy and no storage. What is drawn from is what is logged; `stated_again` makes a logged page's
distributions anew from what the policy states.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from artwork.catalog import TitleId
from bandit.context import Vector
from bandit.decision import Page, Reason
from bandit.diversity import check_strength, diversified
from bandit.guards import Bounds, floor_under, within
from bandit.sampling import draw, draw_uniforms

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageKey:
    """The parts of a draw's key that are the same for a whole page (see `bandit.sampling`)."""

    salt: str
    viewer: str
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What acts on a whole page's probabilities: the strength of diversity, and the policy's floor (`Policy.floor`).

    Raises:
        InvalidDiversity: the strength is not in [0, 1].
    """

    diversity: float = 0.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        check_strength(self.diversity)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedSlot:
    """A slot before its draw: `stated` (K,) in canonical order, beside the artworks' vectors and their bounds.

    A slot that shows one artwork whatever the policy states (a pinned one) has that alone, with probability 1.
    """

    title: TitleId
    stated: Probabilities
    vectors: Sequence[Vector]
    bounds: Bounds | None = None


class DrawnSlot(NamedTuple):
    """The distribution that was drawn from, which is the one to log, and the index that was drawn."""

    probabilities: tuple[float, ...]
    chosen: int


def draw_page(slots: Sequence[StatedSlot], *, key: PageKey, rules: Rules) -> list[DrawnSlot]:
    """Draw the slots in order: each distribution is that of its slot given the draws before it.

    Raises:
        InvalidProbabilities: what is stated for a slot is no distribution.
    """
    drawn: list[DrawnSlot] = []
    shown: list[Vector] = []
    titles = [slot.title for slot in slots]
    numbers = draw_uniforms(titles, salt=key.salt, viewer=key.viewer, window=key.window)
    for slot, number in zip(slots, numbers, strict=True):
        probabilities = tuple(_conditional(slot, shown, rules).tolist())
        chosen = draw(probabilities, number)
        drawn.append(DrawnSlot(probabilities, chosen))
        if rules.diversity:
            shown.append(slot.vectors[chosen])
    return drawn


def stated_again(
    page: Page, stated: Sequence[Probabilities], *, vectors: Mapping[str, Vector], floor: float
) -> list[DrawnSlot]:
    """Draw a logged page again from what its policy version states for each slot, in the slots' order.

    `vectors` are by image key; they matter only to a page with diversity. For slots that were not the policy's the
    logged distribution is taken. The result is the log's, bit for bit, unless the log is wrong.
    """
    slots = [
        StatedSlot(
            title=slot.title,
            stated=own if slot.reason is Reason.POLICY else np.array(slot.probabilities),
            vectors=[vectors[image] for image in slot.images] if page.diversity else (),
            bounds=slot.bounds,
        )
        for slot, own in zip(page.slots, stated, strict=True)
    ]
    key = PageKey(salt=page.salt, viewer=page.viewer, window=page.window)
    return draw_page(slots, key=key, rules=Rules(diversity=page.diversity, floor=floor))


def _conditional(slot: StatedSlot, shown: Sequence[Vector], rules: Rules) -> Probabilities:
    varied = diversified(slot.stated, slot.vectors, shown, strength=rules.diversity)
    if varied is slot.stated and slot.bounds is None:
        return slot.stated
    return within(varied, slot.bounds, kept=floor_under(slot.stated, rules.floor))
