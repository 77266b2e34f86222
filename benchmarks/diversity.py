"""What a page that is less alike costs in reward, in a World whose truth is known. `python -m benchmarks.diversity`.

The policy is what learning could reach at best: SquareCB on the true expected rewards. Artworks are known by their
true traits, so that a viewer's favourites look alike and diversity has something to cost. Values are exact given the
draws: the mean over slots of Σ p · reward.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artwork.catalog import TitleId
from bandit.choice import PageKey, Rules, StatedSlot, draw_page
from bandit.exploration import square_cb, with_floor
from bandit.simulator.random_world import STRONG, WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.world import World

STRENGTHS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
PAGES, TITLES, ARTWORKS, SEEDS = 300, 12, 8, 4
GAMMA, FLOOR = 20_000.0, 0.01
REPORTED = 0.25
Floats = NDArray[np.float64]


def run() -> list[dict[str, Any]]:
    """Measure both Worlds; the row is the share of the reward lost at strength .25 in the strong one."""
    found = {name: table(rates) for name, rates in (("weak", WEAK), ("strong", STRONG))}
    for name, lines in found.items():
        for strength, (reward, likeness) in lines.items():
            print(f"{name:7s} strength {strength:4.2f}  reward {reward:.4f}  mean cosine of neighbours {likeness:.3f}")
    plain, varied = found["strong"][0.0], found["strong"][REPORTED]
    return [
        {
            "name": "page_diversity_cost",
            "value": round(1 - varied[0] / plain[0], 4),
            "unit": f"share of reward, strength {REPORTED}; neighbours' cosine {plain[1]:.2f} to {varied[1]:.2f}",
            "peer": 0.0,
            "ratio": round(varied[0] / plain[0], 4),
            "n": PAGES * TITLES * SEEDS,
        }
    ]


def table(rates: PlayRates) -> dict[float, tuple[float, float]]:
    """For every strength, the mean reward of a slot and the mean cosine of slots side by side."""
    shape = WorldShape(viewers=PAGES, titles=TITLES, artworks=ARTWORKS)
    worlds = [random_world(seed, shape=shape, rates=rates) for seed in range(SEEDS)]
    return {
        strength: (float(np.mean(rewards)), float(np.mean(likenesses)))
        for strength in STRENGTHS
        for rewards, likenesses in [zip(*(page for world in worlds for page in _pages(world, strength)), strict=True)]
    }


def _pages(world: World, strength: float) -> list[tuple[float, float]]:
    """The mean reward and the mean cosine of neighbours of one page for every viewer."""
    titles = np.arange(TITLES)
    traits = world.traits / np.linalg.norm(world.traits, axis=-1, keepdims=True)
    vectors = [list(own.astype(np.float32)) for own in traits]
    return [
        _page(world.expected_rewards(np.full(TITLES, viewer), titles), vectors, viewer, strength=strength)
        for viewer in range(PAGES)
    ]


def _page(
    rewards: Floats, vectors: Sequence[list[NDArray[np.float32]]], viewer: int, *, strength: float
) -> tuple[float, float]:
    stated = with_floor(square_cb(1.0 - rewards, gamma=GAMMA), epsilon=FLOOR)
    slots = [
        StatedSlot(title=TitleId(f"t{title}"), stated=own, vectors=vectors[title]) for title, own in enumerate(stated)
    ]
    key = PageKey(salt="bench", viewer=f"{viewer:032x}", window=0)
    drawn = draw_page(slots, key=key, rules=Rules(diversity=strength, floor=FLOOR))
    value = np.mean([np.dot(one.probabilities, own) for one, own in zip(drawn, rewards, strict=True)])
    shown = [vectors[title][one.chosen] for title, one in enumerate(drawn)]
    return float(value), float(np.mean([float(a @ b) for a, b in pairwise(shown)]))


if __name__ == "__main__":
    print(run())
