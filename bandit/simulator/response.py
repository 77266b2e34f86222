"""How simulated viewers respond to the artworks that they are shown: drawn from a World's truth. Knows no rewards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.simulator.watching import SHARES, share_distribution
from bandit.simulator.world import Floats, Indices, World


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


def respond(world: World, rng: np.random.Generator, *, viewer: int, title: int, artwork: int) -> Response:
    """Draw what `viewer` does on seeing `artwork`, an index below `world.counts[title]`."""
    one = respond_all(world, rng, viewers=np.array([viewer]), titles=np.array([title]), artworks=np.array([artwork]))
    return Response(played=bool(one.played[0]), seconds=float(one.seconds[0]), of_seconds=float(one.of_seconds[0]))


def respond_all(
    world: World, rng: np.random.Generator, *, viewers: Indices, titles: Indices, artworks: Indices
) -> Responses:
    """Draw what each of n viewers does on seeing an artwork of a title: three index arrays (n,).

    Takes two numbers of `rng` a row, row by row, so n rows in one call equal n calls of one row.
    """
    rows, chance = np.arange(len(viewers)), rng.random((len(viewers), 2))
    played = chance[:, 0] < world.play_rates(viewers, titles)[rows, artworks]
    ends = share_distribution(world.satisfaction(viewers, titles)[rows, artworks]).cumsum(axis=1)
    # The last bound may fall short of 1 by rounding; it must not be passed.
    ended = np.minimum((chance[:, 1, None] >= ends).sum(axis=1), len(SHARES) - 1)
    of_seconds = world.runtime_seconds[titles]
    return Responses(
        played=played,
        seconds=np.where(played, SHARES[ended] * of_seconds, 0.0),
        of_seconds=of_seconds,
        rewards=np.where(played, world.qualities[titles, ended], 0.0),
    )
