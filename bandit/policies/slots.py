"""The slots of many pages as arrays, and the probabilities stated for them. Knows no policy and no log."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from artwork.catalog import TitleId
from bandit.context import Context
from bandit.slate import Slate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slots:
    """n slots of any number of pages as arrays: what `Policy.state` takes.

    `requests` (m,) are contexts of whole requests, whose own position and score do not count; slot i belongs to
    `requests[request_of[i]]` and has `positions[i]`, `scores[i]` (0 where there is none) and the artworks `slates[i]`.
    `titles`, where they are given, are what guards go by; they are no feature.
    """

    requests: Sequence[Context]
    request_of: NDArray[np.int64]
    positions: NDArray[np.float64]
    scores: NDArray[np.float64]
    slates: Sequence[Slate]
    titles: Sequence[TitleId] | None = None

    def pairs(self) -> list[tuple[Context, Slate]]:
        """Return each slot as a context of its own and its artworks: what `Policy.page` takes."""
        titles: Sequence[TitleId | None] = self.titles or [None] * len(self.slates)
        requests: list[int] = self.request_of.tolist()
        places: list[float] = self.positions.tolist()
        scores: list[float] = self.scores.tolist()
        return [
            (replace(self.requests[request], position=int(place), score=score, title=title), slate)
            for request, place, score, title, slate in zip(requests, places, scores, titles, self.slates, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The probabilities of n slots, slot after slot: those of slot i are `flat[bounds[i] : bounds[i + 1]]`."""

    flat: NDArray[np.float64]
    bounds: NDArray[np.int64]

    def slots(self) -> list[NDArray[np.float64]]:
        """Return each slot's own."""
        return [self.flat[begin:end] for begin, end in pairwise(self.bounds.tolist())]


def stated_of(stated: Sequence[NDArray[np.float64]]) -> Stated:
    """Lay the probabilities of n slots one after the other."""
    bounds = np.zeros(len(stated) + 1, dtype=np.int64)
    np.cumsum([len(own) for own in stated], out=bounds[1:])
    return Stated(flat=np.concatenate([*stated, np.zeros(0)]), bounds=bounds)
