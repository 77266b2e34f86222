"""The artworks of a title made comparable, though a policy showed each to those who like it. Knows no storage.

Two comparisons, each fair in its way, from one pass over the log:

- **Values**, to say what an artwork is worth on average: a decision that showed it with probability p counts 1/p
  times, so every artwork is valued on all viewers (Hájek's self-normalised mean). Pairs are compared where both were
  eligible.
- **Contrasts**, to say how an artwork differs from those beside it: overlap weights (Li, Morgan & Zaslavsky 2018),
  1 − p where it was shown and p where another was, so both sides have the same viewers, those for whom it was open
  what they would see. No weight is above 1: even a log of a policy that hardly explores has something to say.

Spread is measured between buckets of whole viewers, since one viewer's decisions hang together, and never taken to
be smaller than the logged probabilities imply: an artwork that was rarely possible may just have been lucky.
Sums stream and merge: the parts of a log add up to the whole. Memory: 5 kB an artwork and set of eligible ones.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.errors import InvalidExample
from bandit.ope.batch import Floats, Integers, Mask, ViewerKeys

BUCKETS = 64
FEWEST_BUCKETS = 16
"""A spread of fewer pieces than this is no ground for a verdict."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_BUCKET_SHIFT = np.uint64(64 - 6)


class Worth(IntEnum):
    """The columns of what a decision was worth: the reward that is learned from, a play or none, the share watched."""

    REWARD = 0
    TAKE = 1
    WATCH_SHARE = 2


class ValueTerm(IntEnum):
    """The columns of an arm of values: the weight, and it times the reward and its square."""

    WEIGHT = 0
    REWARD = 1
    SQUARE = 2


class PlayTerm(IntEnum):
    """The columns of an arm of a contrast: the weight, and it times play or none and the share watched."""

    WEIGHT = 0
    TAKE = 1
    WATCH_SHARE = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """n drawn decisions on one title that had the same K eligible artworks.

    `artworks` and `images` (image keys) name them, `probabilities` (n, K) are those logged, `chosen` (n,) says which
    was drawn, `viewers` (n,) are `bandit.ope.batch.viewer_keys`, `worth` (n, 3) has the columns of `Worth`.
    """

    title: TitleId
    artworks: tuple[ArtworkId, ...]
    images: tuple[str, ...]
    probabilities: Floats
    chosen: Integers
    viewers: ViewerKeys
    worth: Floats

    def __len__(self) -> int:
        return len(self.chosen)


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One side of a comparison: `sums` (BUCKETS, 3), and what weights and their squares were expected to add up to.

    These two follow from probabilities alone, so how much an arm can tell does not depend on what was drawn.
    """

    sums: Floats
    mass: float
    square: float

    @property
    def effective(self) -> float:
        """How many decisions of equal weight would tell as much."""
        return self.mass**2 / self.square if self.square else 0.0

    def total(self, term: int) -> float:
        """The sum of a column over all buckets."""
        return float(self.sums[:, term].sum())

    def ratio(self, over: int, under: int) -> tuple[float, Floats]:
        """A ratio of two columns and its linear part by bucket (BUCKETS,): what its error is made of."""
        below = self.total(under)
        value = self.total(over) / below
        return value, (self.sums[:, over] - value * self.sums[:, under]) / below

    def __add__(self, other: "Arm") -> "Arm":
        return Arm(self.sums + other.sums, self.mass + other.mass, self.square + other.square)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The arms of one set of K eligible artworks: `sums` (BUCKETS, K, 3), `mass` and `square` (K,)."""

    sums: Floats
    mass: Floats
    square: Floats

    def arm(self, place: int) -> Arm:
        return Arm(self.sums[:, place], float(self.mass[place]), float(self.square[place]))

    def __add__(self, other: "_Side") -> "_Side":
        return _Side(self.sums + other.sums, self.mass + other.mass, self.square + other.square)


@dataclass(frozen=True, slots=True, eq=False)
class _Stratum:
    """What one set of eligible artworks adds up to; `used` marks the buckets that hold a viewer."""

    images: tuple[str, ...]
    shown: Integers
    used: Mask
    values: _Side
    own: _Side
    others: _Side

    def __add__(self, other: "_Stratum") -> "_Stratum":
        return _Stratum(
            self.images,
            self.shown + other.shown,
            self.used | other.used,
            self.values + other.values,
            self.own + other.own,
            self.others + other.others,
        )


@dataclass(frozen=True, slots=True)
class TitleSums:
    """The sums of one title; `names` are the artworks that compete, by image key. See `ArtworkSums.titles`."""

    title: TitleId
    names: dict[str, ArtworkId]
    strata: tuple[_Stratum, ...]

    @property
    def images(self) -> list[str]:
        """The image keys that compete, in the order of their artworks' ids."""
        return sorted(self.names, key=lambda image: (self.names[image], image))

    @property
    def buckets(self) -> int:
        """How many independent pieces the title's viewers make."""
        return int(np.logical_or.reduce([each.used for each in self.strata]).sum())

    def decisions(self, image: str) -> int:
        """How many decisions showed an artwork."""
        return sum(int(each.shown[place]) for each, place in self._with(image))

    def rivals(self, image: str) -> list[str]:
        """The artworks that compete and were eligible beside this one."""
        beside = {other for each, _ in self._with(image) for other in each.images}
        return sorted((beside & set(self.names)) - {image})

    def value(self, image: str) -> Arm:
        """An artwork on all decisions where it was eligible."""
        return _together([each.values.arm(place) for each, place in self._with(image)])

    def pair(self, one: str, other: str) -> tuple[Arm, Arm]:
        """The values of two artworks on the decisions where both were eligible; `other` is one of the rivals."""
        both = [(each, place, each.images.index(other)) for each, place in self._with(one) if other in each.images]
        return (
            _together([each.values.arm(place) for each, place, _ in both]),
            _together([each.values.arm(place) for each, _, place in both]),
        )

    def contrast(self, image: str) -> tuple[Arm, Arm]:
        """An artwork, and what was shown in its place, for the same viewers. Both are empty where it was alone."""
        return (
            _together([each.own.arm(place) for each, place in self._with(image)]),
            _together([each.others.arm(place) for each, place in self._with(image)]),
        )

    def _with(self, image: str) -> list[tuple[_Stratum, int]]:
        return [(each, each.images.index(image)) for each in self.strata if image in each.images]


@dataclass(eq=False)
class ArtworkSums:
    """What every artwork was worth where it was shown. Streaming and mergeable."""

    _strata: dict[tuple[TitleId, tuple[str, ...]], _Stratum] = field(
        default_factory=dict[tuple[TitleId, tuple[str, ...]], _Stratum], init=False
    )
    _names: dict[tuple[TitleId, str], ArtworkId] = field(
        default_factory=dict[tuple[TitleId, str], ArtworkId], init=False
    )

    def add(self, shown: Shown) -> None:
        """Take in decisions. Those with an artwork of probability 0 compare nothing and are left out.

        Raises:
            InvalidExample: the probability of what was shown is not in (0, 1], or a worth is not in [0, 1].
        """
        _check(shown)
        possible = np.asarray((shown.probabilities > 0).all(axis=1), dtype=np.bool_)
        if not possible.any():
            return
        self._names.update(
            {(shown.title, image): name for image, name in zip(shown.images, shown.artworks, strict=True)}
        )
        stratum = _stratum(shown, possible)
        self._put((shown.title, stratum.images), stratum)

    def __add__(self, other: "ArtworkSums") -> "ArtworkSums":
        both = ArtworkSums()
        for part in (self, other):
            both._names.update(part._names)
            for key, stratum in part._strata.items():
                both._put(key, stratum)
        return both

    def titles(self, *, among: Collection[str] | None = None) -> Iterator[TitleSums]:
        """The titles in the order of their ids, each with all it takes to compare its artworks.

        `among` are the image keys that still compete; without it all that ever did.
        """
        by_title: dict[TitleId, list[_Stratum]] = {}
        for (title, _), stratum in sorted(self._strata.items(), key=lambda one: one[0]):
            by_title.setdefault(title, []).append(stratum)
        for title, strata in by_title.items():
            images = [image for each in strata for image in each.images if among is None or image in among]
            names = {image: self._names[title, image] for image in images}
            yield TitleSums(title, names, tuple(strata))

    def _put(self, key: tuple[TitleId, tuple[str, ...]], stratum: _Stratum) -> None:
        known = self._strata.get(key)
        self._strata[key] = stratum if known is None else known + stratum


def spread(linear: Floats, *, buckets: int) -> float:
    """The standard error of an estimate from its linear part by bucket, corrected by g / (g − 1) for g buckets."""
    return math.sqrt(float(linear @ linear) * buckets / (buckets - 1))


def _together(arms: Sequence[Arm]) -> Arm:
    return sum(arms[1:], arms[0])


def _stratum(shown: Shown, possible: Mask) -> _Stratum:
    images = tuple(sorted(set(shown.images)))  # one picture that two artworks show is one: its chances add up
    place = np.array([images.index(image) for image in shown.images])
    probabilities = shown.probabilities[possible] @ (place[:, None] == np.arange(len(images)))
    drawn = place[shown.chosen[possible]][:, None] == np.arange(len(images))
    reward, *played = shown.worth[possible].T
    buckets = ((shown.viewers[possible] * _MIX) >> _BUCKET_SHIFT).astype(np.int64)
    rest = np.maximum(1.0 - probabilities, 0.0)
    return _Stratum(
        images=images,
        shown=drawn.sum(axis=0),
        used=np.bincount(buckets, minlength=BUCKETS) > 0,
        values=_side(
            drawn / probabilities, [reward, reward**2], buckets, expected=_moments(probabilities, 1.0 / probabilities)
        ),
        own=_side(drawn * rest, played, buckets, expected=_moments(probabilities, rest)),
        others=_side(~drawn * probabilities, played, buckets, expected=_moments(rest, probabilities)),
    )


def _moments(chance: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """What weights that apply with these chances (n, K), and their squares, are expected to add up to: (K,) each."""
    return (chance * weight).sum(axis=0), (chance * weight**2).sum(axis=0)


def _side(weights: Floats, worth: Sequence[Floats], buckets: Integers, *, expected: tuple[Floats, Floats]) -> _Side:
    """Add up weights (n, K), alone and times each worth (n,), within buckets of viewers."""
    holds = np.zeros((BUCKETS, len(buckets)))
    holds[buckets, np.arange(len(buckets))] = 1.0
    columns = [holds @ weights, *(holds @ (weights * each[:, None]) for each in worth)]
    return _Side(np.stack(columns, axis=2), *expected)


def _check(shown: Shown) -> None:
    drawn = shown.probabilities[np.arange(len(shown)), shown.chosen]
    if not ((drawn > 0) & (drawn <= 1)).all():
        raise InvalidExample(f"title {shown.title}: a shown artwork had a probability outside (0, 1]; drop the row")
    if not ((shown.worth >= 0) & (shown.worth <= 1)).all():
        raise InvalidExample(f"title {shown.title}: a worth is outside [0, 1]; value the decisions again")
