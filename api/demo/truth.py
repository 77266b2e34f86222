"""The hidden truth of the demo: a World made of what the artworks really show and of what viewers really like.

Nothing of it reaches Keyart except through events and outcomes: tastes differ by genre, and so do the pictures that
attract, which is what the viewer vectors (from histories) and the CLIP vectors (from pixels) have to find out.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from api.demo.audience import Audience
from api.demo.programme import Showing
from artwork.lite.scene import MOST_PEOPLE, Expression, Light, Palette, Scene, Setting, Shot
from bandit.simulator.world import Nature, World, build_world

Floats = NDArray[np.float64]

STRENGTH = 1.0
BASE_LOG_ODDS = -2.6
LIKING_WEIGHT = 2.0
"""How much more a title of one's own genres is played: the log odds between no and full liking."""

_ENUMS: tuple[type[StrEnum], ...] = (Expression, Shot, Setting, Palette, Light)


def traits_of(scene: Scene) -> Floats:
    """What a scene shows as a vector of zeros and ones, the same for every scene of equal attributes."""
    shown: tuple[StrEnum | None, ...] = (scene.expression, scene.shot, scene.setting, scene.palette, scene.light)
    blocks = [_one_hot([value == member.value for member in kind]) for kind, value in zip(_ENUMS, shown, strict=True)]
    return np.concatenate([_one_hot([scene.people == number for number in range(MOST_PEOPLE + 1)]), *blocks])


def make_world(rng: np.random.Generator, audience: Audience, programme: Sequence[Showing]) -> World:
    """Draw which attributes attract the lovers of each genre, and join it with who likes which genre."""
    traits = [np.array([traits_of(scene) for scene in showing.scenes.values()]) for showing in programme]
    attraction = rng.normal(size=(len(audience.genres), traits[0].shape[1])) / np.sqrt(len(_ENUMS) + 1)
    membership = np.array([[genre in showing.title.genres for genre in audience.genres] for showing in programme])
    no_genres = np.zeros((len(programme), traits[0].shape[1]))
    nature = Nature(
        themes=np.hstack([no_genres, membership / membership.sum(axis=1, keepdims=True)]),
        appeal=rng.normal(scale=0.3, size=len(programme)),
        runtime_seconds=[showing.title.runtime_seconds or 5400 for showing in programme],
        base=BASE_LOG_ODDS,
        strength=STRENGTH,
    )
    tastes = np.hstack([2.0 * audience.genre_shares @ attraction, LIKING_WEIGHT * audience.genre_shares])
    padded = [np.hstack([one, np.zeros((len(one), len(audience.genres)))]) for one in traits]
    return build_world(tastes, padded, nature=nature)


def _one_hot(flags: list[bool]) -> Floats:
    return np.array(flags, dtype=np.float64)
