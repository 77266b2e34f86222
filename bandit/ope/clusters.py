"""Middles of clusters of viewer vectors, from a sample of them: segments of viewers who are alike. Knows no log.

Spherical k-means (Dhillon & Modha 2001) from well spread starts (k-means++, Arthur & Vassilvitskii 2007).
"""

import numpy as np

from bandit.ope.batch import Floats, Integers

_ROUNDS = 25


def middles(vectors: Floats, count: int, *, seed: int) -> Floats:
    """The middles (k, d), unit norm, of at most `count` clusters of the directions of vectors (n, d).

    Vectors of length 0 have no direction and do not count; there are no more clusters than different directions.

    Raises:
        ValueError: `count` is below 1, or no vector has a direction.
    """
    directions = _unit(vectors)
    if count < 1 or not len(directions):
        raise ValueError(f"{len(directions)} vectors have no {count} clusters: give some, and ask for one at least")
    centres = _starts(directions, count, np.random.default_rng(seed))
    nearest = _nearest(directions, centres)
    for _ in range(_ROUNDS):
        centres = _moved(directions, nearest, centres)
        again = _nearest(directions, centres)
        if np.array_equal(again, nearest):
            break
        nearest = again
    return centres


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1)
    return vectors[lengths > 0.0] / lengths[lengths > 0.0, np.newaxis]


def _starts(directions: Floats, count: int, chance: np.random.Generator) -> Floats:
    places = [int(chance.integers(len(directions)))]
    while len(places) < count:
        apart = np.clip(1.0 - (directions @ directions[places].T).max(axis=1), 0.0, None)
        apart[apart < 1e-12] = 0.0  # the same direction, but for rounding
        if not apart.any():
            break
        places.append(int(chance.choice(len(directions), p=apart / apart.sum())))
    return directions[places]


def _nearest(directions: Floats, centres: Floats) -> Integers:
    return np.argmax(directions @ centres.T, axis=1)


def _moved(directions: Floats, nearest: Integers, centres: Floats) -> Floats:
    sums = np.zeros_like(centres)
    np.add.at(sums, nearest, directions)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 1e-12, sums / np.maximum(lengths, 1e-12), centres)
