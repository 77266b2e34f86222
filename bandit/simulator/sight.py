"""How a World's hidden numbers become vectors that a policy may see: turned into other dimensions, and blurred.

Knows no policy. Real vectors of rendered artworks go to `bandit.simulator.rehearsal.Rehearsal` without it.
"""

from dataclasses import dataclass

import numpy as np

from bandit.context import Picture, Vector
from bandit.simulator.conditions import Conditions
from bandit.simulator.rehearsal import Rehearsal
from bandit.simulator.world import Floats, World

_VIEWERS, _PICTURES = 101, 102


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How clearly vectors show what is hidden.

    `blur` is the noise in every dimension, in units of the vectors' mean spread; 0 is a plain rotation. With fewer
    dimensions than the World has traits, part of the truth is not in the vectors at all. `unit` scales every vector to
    length 1, as CLIP's are: that hides how much of its traits it has.
    """

    blur: float = 0.3
    viewer_dimensions: int = 32
    artwork_dimensions: int = 64
    unit: bool = True


CLEAR = Sight(blur=0.0, unit=False)
"""Vectors that hide nothing: what a learner finds here, it could have found."""


def rehearsal_in(
    world: World, *, seed: int, sight: Sight | None = None, conditions: Conditions | None = None
) -> Rehearsal:
    """A rehearsal whose vectors show the World's tastes (at time 0) and traits through `sight`, drawn by `seed`."""
    sight = sight or Sight()
    viewers, vectors = (
        seen_through(hidden, np.random.default_rng([seed, purpose]), dimensions=dimensions, sight=sight)
        for hidden, purpose, dimensions in (
            (world.tastes, _VIEWERS, sight.viewer_dimensions),
            (world.traits[np.isfinite(world.born)], _PICTURES, sight.artwork_dimensions),
        )
    )
    by_title = np.split(vectors, world.counts.cumsum()[:-1])
    pictures = [[Picture(vector=vector) for vector in own] for own in by_title]
    return Rehearsal(world=world, viewers=viewers, pictures=pictures, conditions=conditions or Conditions(), seed=seed)


def seen_through(hidden: Floats, rng: np.random.Generator, *, dimensions: int, sight: Sight) -> Vector:
    """Turn hidden numbers (n, k) into vectors (n, dimensions), float32, and blur them."""
    widest = max(hidden.shape[1], dimensions)
    turned, _ = np.linalg.qr(rng.normal(size=(widest, widest)))
    seen = hidden @ turned[: hidden.shape[1], :dimensions]
    seen = seen + sight.blur * seen.std() * rng.normal(size=seen.shape)
    if sight.unit:
        seen = seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return seen.astype("<f4")
