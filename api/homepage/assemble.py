"""The file to open first: how pages are put together, stage by stage. Knows no HTTP, no SQL and no clock.

titles asked for → entries of the catalogue → eligible artworks, or the pinned one → the policy's probabilities
→ diversity and shares → draw, slot by slot → page

Pages that are asked for at the same time are decided together: each gets what it would get alone, at a fraction of the
time. A policy that fails costs a page that policy: it goes down the fall-back ladder, whose last step cannot fail.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
import numpy as np

from api.homepage.artwork import entries_of
from api.homepage.catalogue import Catalogue, TitleEntry
from api.homepage.experiment import DrawKey, PageDraw, check_versions, default_slot, drawn_pages
from api.homepage.request import House, PageRequest
from bandit.context import Vector
from bandit.decision import CellLabel, Page, PageId, Reason, Rung, Slot
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.policy import Policy

logger = logging.getLogger(__name__)
_OPEN = House()
_DEFAULT = DefaultArtworkPolicy()


class PageStamp(msgspec.Struct, frozen=True, kw_only=True):
    """What the edge gives a page: its id, its time and the key of its draws.

    `kept` is the probability with which pages of this moment are logged.
    """

    page: PageId
    at: datetime
    key: DrawKey
    kept: float = 1.0


class Step(msgspec.Struct, frozen=True):
    """One step of the fall-back ladder: a policy that may decide, and how that is counted."""

    rung: Rung
    policy: Policy


class PageOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A page to be decided: by the first of `steps` that can, and by none of them for default artworks.

    `hold_back`: the viewer is of those who always get default artworks, which is no failure. `cell` is the viewer's in
    an experiment, for the log.
    """

    request: PageRequest
    stamp: PageStamp
    steps: tuple[Step, ...] = ()
    hold_back: bool = False
    cell: CellLabel | None = None


Failed = Callable[[Policy, Exception], None]
"""Told when a policy could not decide a page."""

Made = TypeVar("Made")
"""What a caller makes of a page."""


def assemble_pages(
    orders: Sequence[PageOrder], catalogue: Catalogue, *, house: House = _OPEN, failed: Failed | None = None
) -> list[Page]:
    """Decide every asked title of every order; a page's order among the others changes nothing of it.

    Raises:
        UnknownTitles, TitlesWithoutArtwork: see `api.homepage.artwork.entries_of`.
    """
    return assemble_each(orders, catalogue, make=_itself, house=house, failed=failed)


def assemble_each(
    orders: Sequence[PageOrder],
    catalogue: Catalogue,
    *,
    make: Callable[[int, Page], Made],
    house: House = _OPEN,
    failed: Failed | None = None,
) -> list[Made]:
    """Return what `make` makes of each order's place and page, decided as by `assemble_pages`. Raises alike.

    It is asked as soon as a page is decided, while the page is in the processor's cache and before the next one is
    built; for a page that has to be decided anew it is asked anew.
    """
    work = [_Work(place, order, entries_of(catalogue, order.request.titles)) for place, order in enumerate(orders)]
    assembly = _Assembly(catalogue, house, failed or _log, make)
    left = [each for each in work if each.order.steps and not each.order.hold_back]
    while left:
        for step, own in _by_policy(left):
            assembly.decide(own, step)
        for each in left:
            each.level += 1
        left = [each for each in left if each.place not in assembly.made and each.level < len(each.order.steps)]
    for each in work:
        if each.place not in assembly.made:
            assembly.show_default(each)
    return [assembly.made[each.place] for each in work]


@dataclass(slots=True)
class _Work:
    """A page on its way down the ladder; `place` is that of its order."""

    place: int
    order: PageOrder
    entries: list[TitleEntry]
    level: int = 0

    @property
    def step(self) -> Step:
        return self.order.steps[self.level]


def _by_policy(work: Sequence[_Work]) -> list[tuple[Step, list[_Work]]]:
    groups: dict[tuple[Rung, int], tuple[Step, list[_Work]]] = {}
    for each in work:
        step = each.step
        groups.setdefault((step.rung, id(step.policy)), (step, []))[1].append(each)
    return list(groups.values())


class _Assembly(Generic[Made]):
    """What is `made` of the pages that were decided so far, by place."""

    def __init__(self, catalogue: Catalogue, house: House, failed: Failed, make: Callable[[int, Page], Made]) -> None:
        self._catalogue = catalogue
        self._house = house
        self._failed = failed
        self._make = make
        self.made: dict[int, Made] = {}

    def decide(self, work: Sequence[_Work], step: Step) -> None:
        """Let a policy decide pages; what it cannot decide together, it is asked for one by one."""
        policy = step.policy
        try:
            check_versions(policy, self._catalogue)
            draws = [
                PageDraw(request=each.order.request, entries=each.entries, key=each.order.stamp.key) for each in work
            ]
            drawn = drawn_pages(policy, draws, house=self._house)
            for each in work:
                self._add(each, step, next(drawn), house=self._house)
        except Exception as error:
            if len(work) == 1:
                self.made.pop(work[0].place, None)
                self._failed(policy, error)
                return
            for each in work:
                self.decide([each], step)

    def show_default(self, work: _Work) -> None:
        """Show the default artworks; by the order's wish, or since nothing else could decide."""
        order = work.order
        rung, reason = (Rung.HOLD_BACK, Reason.DEFAULT) if order.hold_back else (Rung.DEFAULT, Reason.FALLBACK)
        slots = tuple(
            default_slot(asked, entry, request=order.request, house=self._house, reason=reason)
            for asked, entry in zip(order.request.titles, work.entries, strict=True)
        )
        self._add(work, Step(rung, _DEFAULT), slots, house=_OPEN)

    def _add(self, work: _Work, step: Step, slots: tuple[Slot, ...], *, house: House) -> None:
        page = _page(work.order, self._catalogue, step=step, slots=slots, house=house)
        self.made[work.place] = self._make(work.place, page)


def _itself(_: int, page: Page) -> Page:
    return page


def _log(policy: Policy, error: Exception) -> None:
    logger.error("policy %s failed; the page goes down the ladder", policy.version, exc_info=error)


def _page(order: PageOrder, catalogue: Catalogue, *, step: Step, slots: tuple[Slot, ...], house: House) -> Page:
    viewer, stamp = order.request.viewer, order.stamp
    return Page(
        page=stamp.page,
        viewer=viewer.viewer,
        at=stamp.at,
        request=order.request.context,
        policy=step.policy.version,
        policy_digest=step.policy.digest,
        embedding_version=catalogue.embedding_version,
        foundation_version=viewer.foundation_version,
        viewer_vector=_logged(viewer.vector),
        intent_vector=_logged(viewer.intent),
        intent_version=viewer.intent_version,
        salt=stamp.key.salt,
        window=stamp.key.window,
        slots=slots,
        diversity=house.diversity,
        rung=step.rung,
        kept=stamp.kept,
        cell=order.cell,
    )


def _logged(vector: Vector | None) -> bytes | None:
    return None if vector is None else vector.astype(np.dtype("<f4")).tobytes()
