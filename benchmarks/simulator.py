"""Simulated decisions a second: stated, drawn, responded to, with every knob turned. Run by `make bench`.

Ours plays in arrays; the peer is the same play of the same World and policy, one decision at a time.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from bandit.simulator.conditions import Conditions
from bandit.simulator.hardship import Hardship
from bandit.simulator.play import Stated, play, play_slots
from bandit.simulator.random_world import WEAK, WorldShape, random_world
from bandit.simulator.slots import plan
from bandit.simulator.world import World
from bandit.simulator.yardsticks import softmax_in, uniform_in

DECISIONS, ALONE, ROUNDS = 200_000, 2000, 5
HARDSHIP = Hardship(bait_share=0.1, late_share=0.5, lift=1.5, turn=1.0)
CONDITIONS = Conditions(
    slots_per_page=6,
    activity_spread=1.0,
    position_bias=0.5,
    lost_share=0.1,
    delay=0.05,
    delay_spread=1.0,
    propensity_noise=0.3,
)


def run() -> list[dict[str, object]]:
    """Return `simulator_decisions_per_s` under a softmax over the truth, and under uniform; medians of one run."""
    world = random_world(1, shape=WorldShape(artworks=8), rates=WEAK, hardship=HARDSHIP)
    policies = {"": softmax_in(world, temperature=0.02), ":uniform": uniform_in(world)}
    return [_measured(f"simulator_decisions_per_s{name}", world, policy) for name, policy in policies.items()]


def _measured(name: str, world: World, policy: Stated) -> dict[str, object]:
    ours = DECISIONS / _median_seconds(lambda: _together(world, policy))
    peer = ALONE / _median_seconds(lambda: _one_by_one(world, policy))
    return {
        "name": name,
        "value": round(ours),
        "unit": "decisions/s",
        "peer": round(peer),
        "ratio": round(ours / peer, 1),
        "n": DECISIONS,
    }


def _together(world: World, policy: Stated) -> None:
    play(world, policy, rng=np.random.default_rng(0), decisions=DECISIONS, conditions=CONDITIONS)


def _one_by_one(world: World, policy: Stated) -> None:
    rng = np.random.default_rng(0)
    for slot in plan(world, rng=rng, decisions=ALONE).parts(ALONE):
        play_slots(world, policy, rng=rng, slots=slot, conditions=CONDITIONS)


def _median_seconds(task: Callable[[], None]) -> float:
    def seconds() -> float:
        started = time.perf_counter()
        task()
        return time.perf_counter() - started

    return statistics.median(seconds() for _ in range(ROUNDS))
