"""Policies that know a World's truth, and what a policy is truly worth in it: what a learned one is measured by."""

import numpy as np

from bandit.simulator.play import Stated
from bandit.simulator.slots import Slots, every_pair
from bandit.simulator.world import Floats, InvalidWorld, World


def uniform_in(world: World) -> Stated:
    """Every artwork that a title has at the time alike."""

    def alike(slots: Slots) -> Floats:
        eligible = world.eligible(slots.titles, at=slots.at)
        return eligible / eligible.sum(axis=1, keepdims=True)

    return alike


def oracle_in(world: World) -> Stated:
    """The artwork that is truly best for each viewer at the time, always: what no policy can pass."""
    return lambda slots: _certain(world.expected_rewards(slots.viewers, slots.titles, at=slots.at))


def most_started_in(world: World) -> Stated:
    """The artwork that each viewer most likely plays, however little of it: what a policy that seeks clicks goes to."""
    return lambda slots: _certain(world.play_rates(slots.viewers, slots.titles, at=slots.at))


def softmax_in(world: World, *, temperature: float) -> Stated:
    """Artworks by the softmax of their true expected reward over `temperature` (> 0): good, and never certain.

    Raises:
        InvalidWorld: the temperature is not above 0.
    """
    if not temperature > 0:
        raise InvalidWorld(f"a temperature of {temperature} has no softmax: give one above 0, or use oracle_in")

    def soft(slots: Slots) -> Floats:
        rewards = world.expected_rewards(slots.viewers, slots.titles, at=slots.at)
        powers = np.exp((rewards - rewards.max(axis=1, keepdims=True)) / temperature)
        powers *= world.eligible(slots.titles, at=slots.at)
        return powers / powers.sum(axis=1, keepdims=True)

    return soft


def value_of(world: World, policy: Stated, *, at: float = 0.0) -> float:
    """The true value of `policy` at a time, over every viewer and title once, exact."""
    return value_on(world, policy, every_pair(world, at=at))


def value_on(world: World, policy: Stated, slots: Slots) -> float:
    """The true value of `policy` on n slots, exact: the mean expected reward of what it states."""
    return world.policy_value(slots.viewers, slots.titles, probabilities=policy(slots), at=slots.at)


def _certain(worth: Floats) -> Floats:
    return np.eye(worth.shape[1])[worth.argmax(axis=1)]
