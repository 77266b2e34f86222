"""How many decisions the truly best artwork of a title takes until it holds the title. Knows no learner and no log.

Best is what the oracle shows to at least three quarters of all viewers at the end of a play. Titles without such an
artwork are not watched: where tastes divide, no artwork should ever hold half. A policy is looked at between rounds,
so a take-over is told to a round's length.
"""

from dataclasses import dataclass, field

import numpy as np

from bandit.policies.policy import Policy
from bandit.simulator.rehearsal import Rehearsal
from bandit.simulator.slots import Slots, every_pair, slots_of
from bandit.simulator.world import Floats, Indices
from bandit.simulator.yardsticks import oracle_in

HELD, BEST = 0.5, 0.75
_ASKED_VIEWERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """Title and artwork as the World counts them, when the artwork was born, and how many decisions were made.

    `decisions` of the title passed since then until the artwork had half of its probability; None: it never had.
    """

    title: int
    artwork: int
    born: float
    decisions: int | None


@dataclass(kw_only=True, eq=False)
class Watch:
    """Looks at policies and counts decisions while a play goes on; `titles` and their best `artworks` are (m,)."""

    rehearsal: Rehearsal
    titles: Indices
    artworks: Indices
    _passed: Indices = field(init=False)
    _needed: dict[int, int] = field(init=False, default_factory=dict[int, int])

    def __post_init__(self) -> None:
        self._passed = np.zeros(len(self.titles), dtype=np.int64)

    @classmethod
    def over(cls, rehearsal: Rehearsal) -> "Watch":
        """A watch over every title that has an artwork best for at least three quarters of the viewers."""
        world = rehearsal.world
        shown = oracle_in(world)(every_pair(world, at=1.0))
        shares = shown.reshape(world.viewer_count, world.title_count, world.artwork_count).mean(axis=0)
        titles = np.flatnonzero(shares.max(axis=1) >= BEST)
        return cls(rehearsal=rehearsal, titles=titles, artworks=shares[titles].argmax(axis=1))

    def look(self, policy: Policy, *, at: float) -> None:
        """Note the titles that their best artwork holds now, if it did not before."""
        if not len(self.titles):
            return
        held = self._held(policy, at)
        for index in np.flatnonzero((held >= HELD) & (self._born <= at)).tolist():
            self._needed.setdefault(index, int(self._passed[index]))

    def count(self, slots: Slots) -> None:
        """Count the decisions of each title since the birth of its best artwork."""
        births = np.full(self.rehearsal.world.title_count, np.inf)
        births[self.titles] = self._born
        since = slots.titles[slots.at >= births[slots.titles]]
        self._passed += np.bincount(since, minlength=len(births))[self.titles]

    def takeovers(self) -> tuple[Takeover, ...]:
        """What was noted of every title, in the World's order."""
        watched = zip(self.titles.tolist(), self.artworks.tolist(), self._born.tolist(), strict=True)
        return tuple(
            Takeover(title=title, artwork=artwork, born=born, decisions=self._needed.get(index))
            for index, (title, artwork, born) in enumerate(watched)
        )

    @property
    def _born(self) -> Floats:
        return self.rehearsal.world.born[self.titles, self.artworks]

    def _held(self, policy: Policy, at: float) -> Floats:
        """The mean probability of each best artwork over viewers that stand for all: (m,)."""
        count = self.rehearsal.world.viewer_count
        viewers = np.unique(np.linspace(0, count - 1, _ASKED_VIEWERS).astype(np.int64))
        asked = slots_of(np.tile(viewers, len(self.titles)), np.repeat(self.titles, len(viewers)), at=at)
        stated = self.rehearsal.stated(policy, asked).reshape(len(self.titles), len(viewers), -1).mean(axis=1)
        return stated[np.arange(len(self.titles)), self.artworks]
