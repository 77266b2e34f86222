"""What makes a World hard to learn in: bait, late births, one artwork ahead, moving tastes. Knows no policy, no log.

Every knob draws from a stream of its own, so turning one leaves the rest of the World as it was.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bandit.simulator.world import Floats, InvalidWorld, World, births

_BAIT, _ORDER, _LATE, _MOTION = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardship:
    """The knobs; as they are, none is turned.

    `bait_share` of all artworks are clickbait: `bait` is added to the log odds of a play, `letdown` taken from those
    that it satisfies. `late_share` of the titles have `late_artworks` that are born at `born_at`. In every title one
    artwork is better for everyone by `lift` log odds of a play; in those titles it is the first of the late ones.
    Tastes make `turn` quarter turns during the play, all alike: what attracts whom moves.

    Raises:
        InvalidWorld: a share or a time is outside [0, 1], or there are fewer than no late artworks.
    """

    bait_share: float = 0.0
    bait: float = 1.0
    letdown: float = 4.0
    late_share: float = 0.0
    late_artworks: int = 1
    born_at: float = 0.5
    lift: float = 0.0
    turn: float = 0.0

    def __post_init__(self) -> None:
        shares = {"bait_share": self.bait_share, "late_share": self.late_share, "born_at": self.born_at}
        for name, share in shares.items():
            if not 0.0 <= share <= 1.0:
                raise InvalidWorld(f"{name} is {share}: give a number from 0 to 1")
        if self.late_artworks < 0:
            raise InvalidWorld(f"{self.late_artworks} artworks cannot be late: give 0 or more")


def hardened(world: World, hardship: Hardship, *, seed: int) -> World:
    """The same World with `hardship` in it. Bait and lift come on top of its play rates.

    Raises:
        InvalidWorld: tastes are to turn in an odd number of dimensions, which have no quarter turn.
    """
    order = _order(world, seed)
    baited = _some(_stream(seed, _BAIT), np.isfinite(world.born), share=hardship.bait_share)
    late = _some(_stream(seed, _LATE), np.ones(world.title_count, dtype=np.bool_), share=hardship.late_share)
    behind = late[:, None] & (order < np.minimum(hardship.late_artworks, world.counts - 1)[:, None])
    return replace(
        world,
        bait=_frozen(world.bait + hardship.bait * baited),
        letdown=_frozen(world.letdown + hardship.letdown * baited),
        lift=_frozen(world.lift + hardship.lift * (order == 0)),
        born=births(np.maximum(world.born, hardship.born_at * behind), world.counts),
        turned=_quarter_turned(world.tastes, seed) if hardship.turn else world.turned,
        turn=hardship.turn or world.turn,
    )


def _stream(seed: int, knob: int) -> np.random.Generator:
    return np.random.default_rng([seed, knob])


def _order(world: World, seed: int) -> NDArray[np.int64]:
    """Which artwork of its title is the first, the second, …, drawn at random: (titles, artworks)."""
    drawn = np.where(np.isfinite(world.born), _stream(seed, _ORDER).random(world.born.shape), np.inf)
    return drawn.argsort(axis=1).argsort(axis=1)


def _some(rng: np.random.Generator, among: NDArray[np.bool_], *, share: float) -> NDArray[np.bool_]:
    """Mark `share` of those `among` many, to the nearest whole number; a larger share holds the smaller one."""
    ranks = np.where(among, rng.random(among.shape), np.inf).ravel().argsort().argsort().reshape(among.shape)
    return ranks < round(share * np.count_nonzero(among))


def _quarter_turned(tastes: Floats, seed: int) -> Floats:
    """Turn all tastes (viewers, k) by 90° in k / 2 random planes: same lengths, same angles among them."""
    width = tastes.shape[1]
    if width % 2:
        raise InvalidWorld(f"tastes of {width} dimensions have no quarter turn: give an even number")
    planes, _ = np.linalg.qr(_stream(seed, _MOTION).normal(size=(width, width)))
    quarter = np.kron(np.eye(width // 2), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    return _frozen(tastes @ planes @ quarter @ planes.T)


def _frozen(array: Floats) -> Floats:
    array.setflags(write=False)
    return array
