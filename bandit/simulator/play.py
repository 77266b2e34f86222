"""Plays a policy in a World and keeps the log: the fast way to decisions with a known truth. Knows no estimator.

A policy here is a function from pairs to a table of probabilities, so that a hundred thousand decisions take no
longer than a few array operations; a policy that looks at vectors is played by whoever holds the vectors.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandit.simulator.response import Responses, respond_all
from bandit.simulator.world import Floats, Indices, InvalidWorld, World

Stated = Callable[[Indices, Indices], Floats]
"""(viewers (n,), titles (n,)) → probabilities (n, artwork_count), 0 where a title has no such artwork."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlayedLog:
    """n decisions and what came of them. `probabilities` (n, artwork_count) are those that were drawn from."""

    viewers: Indices
    titles: Indices
    chosen: Indices
    probabilities: Floats
    responses: Responses

    @property
    def propensities(self) -> Floats:
        """The probability that each drawn artwork had: (n,)."""
        return self.probabilities[np.arange(len(self.chosen)), self.chosen]


def play(world: World, policy: Stated, *, rng: np.random.Generator, decisions: int) -> PlayedLog:
    """Show `decisions` artworks, drawn by `policy`, to viewers and titles met at random, each pair alike."""
    viewers = rng.integers(world.viewer_count, size=decisions)
    titles = rng.integers(world.title_count, size=decisions)
    return play_pairs(world, policy, rng=rng, viewers=viewers, titles=titles)


def play_pairs(
    world: World, policy: Stated, *, rng: np.random.Generator, viewers: Indices, titles: Indices
) -> PlayedLog:
    """Show the viewers (n,) one artwork each of the titles (n,), drawn by `policy`."""
    probabilities = policy(viewers, titles)
    bounds = probabilities.cumsum(axis=1)
    chosen = (rng.random((len(viewers), 1)) * bounds[:, -1:] >= bounds).sum(axis=1)
    return PlayedLog(
        viewers=viewers,
        titles=titles,
        chosen=chosen,
        probabilities=probabilities,
        responses=respond_all(world, rng, viewers=viewers, titles=titles, artworks=chosen),
    )


def uniform_in(world: World) -> Stated:
    """Every artwork of a title alike."""
    return lambda _viewers, titles: world.eligible(titles) / world.counts[titles, None]


def oracle_in(world: World) -> Stated:
    """The artwork that is truly best for each viewer, always: what no policy can pass."""

    def best(viewers: Indices, titles: Indices) -> Floats:
        rewards = world.expected_rewards(viewers, titles)
        return np.eye(world.artwork_count)[rewards.argmax(axis=1)]

    return best


def softmax_in(world: World, *, temperature: float) -> Stated:
    """Artworks by the softmax of their true expected reward over `temperature` (> 0): good, and never certain.

    Raises:
        InvalidWorld: the temperature is not above 0.
    """
    if not temperature > 0:
        raise InvalidWorld(f"a temperature of {temperature} has no softmax: give one above 0, or use oracle_in")

    def soft(viewers: Indices, titles: Indices) -> Floats:
        rewards = world.expected_rewards(viewers, titles)
        powers = np.exp((rewards - rewards.max(axis=1, keepdims=True)) / temperature) * world.eligible(titles)
        return powers / powers.sum(axis=1, keepdims=True)

    return soft


def value_of(world: World, policy: Stated) -> float:
    """The true value of `policy` over every viewer and title once, exact."""
    viewers, titles = world.pairs()
    return world.policy_value(viewers, titles, probabilities=policy(viewers, titles))
