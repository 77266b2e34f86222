"""How simulated viewers respond to the artworks that they are shown: drawn from a World's truth. Knows no rewards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.simulator.watching import SHARES, share_distribution
from bandit.simulator.world import Floats, Indices, Moments, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What one viewer did: `seconds` of `of_seconds` were watched, 0 without a play."""

    played: bool
    seconds: float
    of_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Responses:
    """What n viewers did: arrays (n,), durations in seconds. `rewards` is each one's quality play in [0, 1]."""

    played: NDArray[np.bool_]
    seconds: Floats
    of_seconds: Floats
    rewards: Floats

    def select(self, rows: NDArray[np.bool_]) -> "Responses":
        """Those of the rows (n,) that are marked."""
        return Responses(
            played=self.played[rows],
            seconds=self.seconds[rows],
            of_seconds=self.of_seconds[rows],
            rewards=self.rewards[rows],
        )

    def where(self, known: NDArray[np.bool_]) -> "Responses":
        """The same rows, as if nothing was played where it is not `known` (n,)."""
        return Responses(
            played=self.played & known,
            seconds=self.seconds * known,
            of_seconds=self.of_seconds,
            rewards=self.rewards * known,
        )


def respond(
    world: World, rng: np.random.Generator, *, viewer: int, title: int, artwork: int, at: float = 0.0
) -> Response:
    """Draw what `viewer` does on seeing `artwork`, an index below `world.counts[title]`, at a time in [0, 1]."""
    one = respond_all(
        world, rng, viewers=np.array([viewer]), titles=np.array([title]), artworks=np.array([artwork]), at=at
    )
    return Response(played=bool(one.played[0]), seconds=float(one.seconds[0]), of_seconds=float(one.of_seconds[0]))


def respond_all(
    world: World,
    rng: np.random.Generator,
    *,
    viewers: Indices,
    titles: Indices,
    artworks: Indices,
    at: Moments = 0.0,
) -> Responses:
    """Draw what each of n viewers does on seeing an artwork of a title: three index arrays (n,), and when.

    Takes two numbers of `rng` a row, row by row, so n rows in one call equal n calls of one row.
    """
    chance = rng.random((len(viewers), 2))
    rates, satisfaction = world.shown(viewers, titles, artworks=artworks, at=at)
    played = chance[:, 0] < rates
    ended = _ends(satisfaction[played], chance[played, 1])
    seconds, rewards = np.zeros(len(viewers)), np.zeros(len(viewers))
    seconds[played] = SHARES[ended] * world.runtime_seconds[titles[played]]
    rewards[played] = world.qualities[titles[played], ended]
    return Responses(played=played, seconds=seconds, of_seconds=world.runtime_seconds[titles], rewards=rewards)


def _ends(satisfaction: Floats, chance: Floats) -> Indices:
    """Which of SHARES each play ends at: two arrays (n,) → (n,)."""
    bounds = share_distribution(satisfaction).cumsum(axis=1)
    # The last bound may fall short of 1 by rounding; it must not be passed.
    return np.minimum((chance[:, None] >= bounds).sum(axis=1), len(SHARES) - 1)
