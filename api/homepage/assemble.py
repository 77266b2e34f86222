"""The file to open first: how pages are put together, stage by stage. Knows no HTTP, no SQL and no clock.

titles asked for → entries of the catalogue → eligible artworks, or the pinned one → the policy's probabilities
→ diversity and shares → draw, slot by slot → page

Pages that are asked for at the same time are decided together: each gets what it would get alone, at a fraction of the
time. A policy that fails costs a page that policy: it goes down the fall-back ladder, whose last step cannot fail.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStamp:
    """What the edge gives a page: its id, its time and the key of its draws.

    `kept` is the probability with which pages of this moment are logged.
    """

    page: PageId
    at: datetime
    key: DrawKey
    kept: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the fall-back ladder: a policy that may decide, and how that is counted."""

    rung: Rung
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrder:
    """A page to be decided: by the first of `steps` that can, and by none of them for default artworks.

    `hold_back`: the viewer is of those who always get default artworks, which is no failure. `cell` is the viewer's in
    an experiment, for the log.
    """

    request: PageRequest
    stamp: PageStamp
    steps: Sequence[Step] = field(default_factory=tuple[Step, ...])
    hold_back: bool = False
    cell: CellLabel | None = None


Failed = Callable[[Policy, Exception], None]
"""Told when a policy could not decide a page."""


def assemble_pages(
    orders: Sequence[PageOrder], catalogue: Catalogue, *, house: House = _OPEN, failed: Failed | None = None
) -> list[Page]:
    """Decide every asked title of every order; a page's order among the others changes nothing of it.

    Raises:
        UnknownTitles, TitlesWithoutArtwork: see `api.homepage.artwork.entries_of`.
    """
    work = [_Work(order, entries_of(catalogue, order.request.titles)) for order in orders]
    left = [each for each in work if each.order.steps and not each.order.hold_back]
    while left:
        for step, own in _by_policy(left):
            _decide(own, step, catalogue, house=house, failed=failed or _log)
        for each in left:
            each.level += 1
        left = [each for each in left if each.page is None and each.level < len(each.order.steps)]
    return [each.page or _default_page(each, catalogue, house=house) for each in work]


@dataclass(slots=True)
class _Work:
    """A page on its way down the ladder."""

    order: PageOrder
    entries: list[TitleEntry]
    level: int = 0
    page: Page | None = None

    @property
    def step(self) -> Step:
        return self.order.steps[self.level]


def _by_policy(work: Sequence[_Work]) -> list[tuple[Step, list[_Work]]]:
    groups: dict[tuple[Rung, int], tuple[Step, list[_Work]]] = {}
    for each in work:
        step = each.step
        groups.setdefault((step.rung, id(step.policy)), (step, []))[1].append(each)
    return list(groups.values())


def _decide(work: Sequence[_Work], step: Step, catalogue: Catalogue, *, house: House, failed: Failed) -> None:
    """Let a policy decide pages; what it cannot decide together, it is asked for one by one."""
    policy = step.policy
    try:
        check_versions(policy, catalogue)
        draws = [PageDraw(request=each.order.request, entries=each.entries, key=each.order.stamp.key) for each in work]
        drawn = drawn_pages(policy, draws, house=house)
    except Exception as error:
        if len(work) == 1:
            failed(policy, error)
            return
        for each in work:
            _decide([each], step, catalogue, house=house, failed=failed)
    else:
        for each, slots in zip(work, drawn, strict=True):
            each.page = _page(each.order, catalogue, step=step, slots=slots, house=house)


def _log(policy: Policy, error: Exception) -> None:
    logger.error("policy %s failed; the page goes down the ladder", policy.version, exc_info=error)


def _default_page(work: _Work, catalogue: Catalogue, *, house: House) -> Page:
    order = work.order
    rung, reason = (Rung.HOLD_BACK, Reason.DEFAULT) if order.hold_back else (Rung.DEFAULT, Reason.FALLBACK)
    slots = tuple(
        default_slot(asked, entry, request=order.request, house=house, reason=reason)
        for asked, entry in zip(order.request.titles, work.entries, strict=True)
    )
    return _page(order, catalogue, step=Step(rung, _DEFAULT), slots=slots, house=_OPEN)


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
