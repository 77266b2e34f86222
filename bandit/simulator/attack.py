"""Liars in a World: viewers who report of some artworks what never happened, and what learning makes of it.

An attack changes the rows that a log tells, never the World: what was learned is valued by the truth of honest viewers.
Knows no learner and no storage.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.caps import Caps, DailyCap
from bandit.decision import RewardedDecision
from bandit.policies.policy import Policy
from bandit.sampling import draw_uniform
from bandit.simulator.online import Learner
from bandit.simulator.rehearsal import Rehearsal, title_id
from bandit.simulator.slots import every_pair
from foundation.events import ViewerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A `share` of viewers lies: the artwork in `pushed` of each title is played whole, all others are not played.

    Each of their rows comes `times` times: 1 is as often as honest viewers, more is a script that asks all day long.
    With `only` they ask for that title and no other.
    """

    share: float
    pushed: Mapping[TitleId, ArtworkId]
    times: int = 1
    only: TitleId | None = None
    salt: str = "liars"

    def lies(self, viewer: ViewerId) -> bool:
        """Whether this viewer is a liar."""
        return draw_uniform(self.salt, viewer, "", 0) < self.share

    def told(self, rows: Iterable[RewardedDecision]) -> Iterator[RewardedDecision]:
        """What the log says in the place of `rows`."""
        for row in rows:
            title = row.decision.title
            if not self.lies(row.page.viewer):
                yield row
            elif self.only is None or self.only == title:
                pushed = row.decision.artwork == self.pushed[title]
                yield from [replace(row, reward=float(pushed))] * self.times


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What stands against it: the rows of a viewer that count in a day, the plays in a day that no person has."""

    caps: Caps | None = None
    plays_a_day: int | None = None

    def counting(self, rows: Sequence[RewardedDecision]) -> Iterator[RewardedDecision]:
        """The rows, in the order of time, that are learned from."""
        robots = self._robots(rows)
        cap = None if self.caps is None else DailyCap(self.caps)
        for row in rows:
            viewer, day = row.page.viewer, row.page.at.date()
            if (viewer, day) not in robots and (cap is None or cap.admits(viewer, row.decision.title, day=day)):
                yield row

    def _robots(self, rows: Iterable[RewardedDecision]) -> set[tuple[ViewerId, date]]:
        if self.plays_a_day is None:
            return set()
        plays = Counter((row.page.viewer, row.page.at.date()) for row in rows if row.reward > 0)
        return {each for each, count in plays.items() if count > self.plays_a_day}


@dataclass(kw_only=True)
class Deceived:
    """A learner that is told what an attack makes of the log, and keeps what the protection lets count."""

    learner: Learner
    attack: Attack
    protection: Protection = field(default_factory=Protection)
    rows: int = field(default=0, init=False)
    of_liars: int = field(default=0, init=False)
    of_titles: Counter[TitleId] = field(default_factory=Counter[TitleId], init=False)

    def __call__(self, rows: Sequence[RewardedDecision]) -> Policy:
        """Learn from the rows; `rows`, `of_liars`, `of_titles` say how many counted the last time."""
        counting = [*self.protection.counting([*self.attack.told(rows)])]
        self.rows = len(counting)
        self.of_titles = Counter(row.decision.title for row in counting)
        self.of_liars = sum(self.attack.lies(row.page.viewer) for row in counting)
        return self.learner(counting)


def worst_artworks(rehearsal: Rehearsal) -> dict[TitleId, ArtworkId]:
    """Each title's artwork that is worth least over all viewers: what a liar would push to do most harm."""
    world = rehearsal.world
    pairs = every_pair(world, at=1.0)
    worth = world.expected_rewards(pairs.viewers, pairs.titles, at=1.0)
    worth[~world.eligible(pairs.titles, at=1.0)] = np.inf
    means = worth.reshape(world.viewer_count, world.title_count, -1).mean(axis=0)
    worst: list[int] = means.argmin(axis=1).tolist()
    return {title_id(title): rehearsal.candidates[title][place].artwork for title, place in enumerate(worst)}
