"""Plays a policy in a World and keeps the log: the fast way to decisions with a known truth. Knows no estimator.

A policy here is a function from slots to a table of probabilities, so that a hundred thousand decisions take no
longer than a few array operations; a policy that looks at vectors is played by `bandit.simulator.rehearsal`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bandit.simulator.conditions import Conditions
from bandit.simulator.response import Responses, respond_all
from bandit.simulator.slots import Slots, plan, slots_of
from bandit.simulator.world import Floats, Indices, World

Stated = Callable[[Slots], Floats]
"""n slots → probabilities (n, artwork_count), 0 where a title has no such artwork at that time."""

_SLOTS_A_CALL = 8192


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlayedLog:
    """n decisions and what came of them, arrays over n.

    `probabilities` (n, artwork_count) are those that were drawn from, `logged` what the log says of them, which is
    wrong where the conditions say so. `responses` are what happens when the slot is seen; `seen` says whether it was,
    `known_at` when its responses are known (infinite: never).
    """

    slots: Slots
    chosen: Indices
    probabilities: Floats
    logged: Floats
    responses: Responses
    seen: NDArray[np.bool_]
    known_at: Floats

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def viewers(self) -> Indices:
        """Who decided slots were shown to: (n,)."""
        return self.slots.viewers

    @property
    def titles(self) -> Indices:
        """Which title each slot held: (n,)."""
        return self.slots.titles

    @property
    def propensities(self) -> Floats:
        """The probability that the log gives each drawn artwork: (n,)."""
        return self.logged[np.arange(len(self)), self.chosen]

    @property
    def drawn_with(self) -> Floats:
        """The probability that each drawn artwork truly had: (n,)."""
        return self.probabilities[np.arange(len(self)), self.chosen]

    def select(self, rows: NDArray[np.bool_]) -> "PlayedLog":
        """The decisions (n,) that are marked."""
        return PlayedLog(
            slots=self.slots.select(rows),
            chosen=self.chosen[rows],
            probabilities=self.probabilities[rows],
            logged=self.logged[rows],
            responses=self.responses.select(rows),
            seen=self.seen[rows],
            known_at=self.known_at[rows],
        )

    def observed(self, *, now: float = np.inf) -> "PlayedLog":
        """What a log shows at a time: only slots that were seen (C4), and of them only what was reported by then.

        What is not known yet, or never will be, looks as if nothing was played.
        """
        known = self.select(self.seen & (self.slots.at <= now))
        reported = np.isfinite(known.known_at) & (known.known_at <= now)
        return replace(known, responses=known.responses.where(reported))


def play(
    world: World, policy: Stated, *, rng: np.random.Generator, decisions: int, conditions: Conditions | None = None
) -> PlayedLog:
    """Show at least `decisions` artworks (whole pages), drawn by `policy`, in the slots that `plan` draws."""
    slots = plan(world, rng=rng, decisions=decisions, conditions=conditions)
    return play_slots(world, policy, rng=rng, slots=slots, conditions=conditions)


def play_pairs(
    world: World, policy: Stated, *, rng: np.random.Generator, viewers: Indices, titles: Indices
) -> PlayedLog:
    """Show the viewers (n,) one artwork each of the titles (n,), drawn by `policy`, at the start."""
    return play_slots(world, policy, rng=rng, slots=slots_of(viewers, titles))


def play_slots(
    world: World, policy: Stated, *, rng: np.random.Generator, slots: Slots, conditions: Conditions | None = None
) -> PlayedLog:
    """Decide the slots by `policy`, which is asked for a few thousand at a time, and let their viewers respond.

    Takes as many numbers of `rng` whatever the policy states, so two policies meet the same chance.
    """
    conditions = conditions or Conditions()
    chance = rng.random((len(slots), 1))
    probabilities = _stated(world, policy, slots)
    bounds = probabilities.cumsum(axis=1)
    chosen = (chance * bounds[:, -1:] >= bounds).sum(axis=1)
    eligible = world.eligible(slots.titles, at=slots.at)
    return PlayedLog(
        slots=slots,
        chosen=chosen,
        probabilities=probabilities,
        responses=respond_all(world, rng, viewers=slots.viewers, titles=slots.titles, artworks=chosen, at=slots.at),
        seen=conditions.seen(rng, slots.positions),
        known_at=conditions.arrivals(rng, slots.at),
        logged=conditions.logged_table(rng, probabilities, chosen=chosen, eligible=eligible),
    )


def _stated(world: World, policy: Stated, slots: Slots) -> Floats:
    parts = [policy(slots.select(slice(start, start + _SLOTS_A_CALL))) for start in range(0, len(slots), _SLOTS_A_CALL)]
    return np.concatenate(parts) if parts else np.zeros((0, world.artwork_count))
