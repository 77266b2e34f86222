"""The slots of a play, before anything is chosen: who meets which titles, on which page, when. Knows no World's truth.

Viewers come back as often as they like, and a page holds several slots. All of it is drawn before any policy is asked,
so two policies that are played with the same seed meet the same slots.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bandit.simulator.conditions import Conditions
from bandit.simulator.world import Floats, Indices, World


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slots:
    """n slots in the order in which they are decided, arrays (n,).

    Slots of one page share its number, viewer and time and lie side by side. `at` is in [0, 1], `positions` count from
    0 within a page.
    """

    viewers: Indices
    titles: Indices
    at: Floats
    pages: Indices
    positions: Indices

    def __len__(self) -> int:
        return len(self.viewers)

    def select(self, rows: slice | NDArray[np.bool_]) -> "Slots":
        """Some of the slots."""
        return Slots(
            viewers=self.viewers[rows],
            titles=self.titles[rows],
            at=self.at[rows],
            pages=self.pages[rows],
            positions=self.positions[rows],
        )

    def moved_to(self, at: float) -> "Slots":
        """The same slots, all at one time."""
        return replace(self, at=np.full(len(self), at))

    def parts(self, count: int) -> Iterator["Slots"]:
        """The slots in `count` parts of about equal length, one after the other; no page is torn apart."""
        starts = np.flatnonzero(np.diff(self.pages, prepend=-1, append=-1))
        cuts = [int(starts[round((len(starts) - 1) * part / count)]) for part in range(count + 1)]
        return (self.select(slice(start, stop)) for start, stop in pairwise(cuts))


def slots_of(viewers: Indices, titles: Indices, *, at: float = 0.0) -> Slots:
    """Pairs (n,) as slots, each alone on its page, all at one time."""
    count = len(viewers)
    return Slots(
        viewers=viewers,
        titles=titles,
        at=np.full(count, at),
        pages=np.arange(count),
        positions=np.zeros(count, dtype=np.int64),
    )


def every_pair(world: World, *, at: float = 0.0) -> Slots:
    """Every viewer and title of the World once: what a value over everyone is taken on."""
    return slots_of(*world.pairs(), at=at)


def plan(world: World, *, rng: np.random.Generator, decisions: int, conditions: Conditions | None = None) -> Slots:
    """Draw who comes when and is offered what: at least `decisions` slots, whole pages, evenly over the time 0 to 1.

    The titles of a page differ, and every title comes alike. A World with fewer titles than a page has slots fills
    its pages with all of them.
    """
    conditions = conditions or Conditions()
    across = min(conditions.slots_per_page, world.title_count)
    pages = -(-decisions // across)
    viewers = _viewers(world, rng, pages=pages, spread=conditions.activity_spread)
    titles = _distinct(rng, pages=pages, across=across, titles=world.title_count)
    return Slots(
        viewers=np.repeat(viewers, across),
        titles=titles.ravel(),
        at=np.repeat(np.arange(pages) / max(1, pages), across),
        pages=np.repeat(np.arange(pages), across),
        positions=np.tile(np.arange(across), pages),
    )


def _viewers(world: World, rng: np.random.Generator, *, pages: int, spread: float) -> Indices:
    """Who sees each page: everyone alike, or some much more often than others (log-normal activity)."""
    if not spread:
        return rng.integers(world.viewer_count, size=pages)
    activity = rng.lognormal(sigma=spread, size=world.viewer_count)
    return rng.choice(world.viewer_count, size=pages, p=activity / activity.sum())


def _distinct(rng: np.random.Generator, *, pages: int, across: int, titles: int) -> Indices:
    """`across` different titles a page, (pages, across), every choice alike.

    The n-th is drawn among those that are left, and moved past those that are taken.
    """
    drawn = np.empty((pages, across), dtype=np.int64)
    for place in range(across):
        one = rng.integers(titles - place, size=pages)
        for taken in np.sort(drawn[:, :place], axis=1).T:
            one += one >= taken
        drawn[:, place] = one
    return drawn
