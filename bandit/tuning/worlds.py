"""The Worlds that settings are tried in, by name: those of the benchmarks. Knows no learner."""

from dataclasses import dataclass, replace

import numpy as np

from bandit.errors import InvalidTrial
from bandit.rewards import QUALITY_PLAY, TAKE
from bandit.simulator.hardship import Hardship
from bandit.simulator.random_world import RARE, STRONG, WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.rehearsal import Rehearsal
from bandit.simulator.sight import CLEAR, Sight, rehearsal_in

SHAPE = WorldShape(titles=40, artworks=8, traits=16)
_SEEN = replace(CLEAR, viewer_dimensions=16, artwork_dimensions=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedWorld:
    """How a World is made from a seed. A reward is a play or, under `quality_play/1`, a quality play."""

    purpose: str
    rates: PlayRates
    hardship: Hardship | None = None
    sight: Sight = _SEEN
    reward: str = TAKE

    def rehearsal(self, seed: int, *, shape: WorldShape = SHAPE) -> Rehearsal:
        """The World that `seed` draws, as policies meet it."""
        world = random_world(seed, shape=shape, rates=self.rates, hardship=self.hardship)
        if self.reward == TAKE:
            world = replace(world, qualities=np.ones_like(world.qualities))
        return rehearsal_in(world, seed=seed, sight=self.sight)


WORLDS = {
    "weak": NamedWorld(purpose="a faint signal", rates=WEAK),
    "strong": NamedWorld(purpose="a loud signal", rates=STRONG),
    "blurred": NamedWorld(purpose="weak, and vectors that show less than there is", rates=WEAK, sight=Sight()),
    "rare": NamedWorld(purpose="3 plays in 1,000 exposures", rates=RARE),
    "moving": NamedWorld(purpose="strong, and tastes turn by a right angle", rates=STRONG, hardship=Hardship(turn=1.0)),
    "late": NamedWorld(
        purpose="strong, and half of the titles get their best artwork at half-time",
        rates=STRONG,
        hardship=Hardship(late_share=0.5, lift=6.0),
    ),
    "clickbait": NamedWorld(
        purpose="strong, one artwork in ten is clickbait, and quality plays are what counts",
        rates=STRONG,
        hardship=Hardship(bait_share=0.1),
        reward=QUALITY_PLAY,
    ),
}


def named_world(name: str) -> NamedWorld:
    """The World of this name.

    Raises:
        InvalidTrial: there is none.
    """
    if name not in WORLDS:
        raise InvalidTrial(f"no World is called {name!r}; known: {', '.join(WORLDS)}")
    return WORLDS[name]
