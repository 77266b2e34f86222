"""The artworks of a title made comparable, though a policy showed each to those who like it. Knows no storage.

A decision that showed artwork a with probability p counts 1/p times, so every artwork is valued on all viewers who
could have been shown it (Hájek's self-normalised mean). Artworks are compared on decisions where both were eligible.
Spread is measured between buckets of whole viewers, since one viewer's decisions hang together, and never taken to
be smaller than the logged probabilities imply: an artwork that was rarely possible may just have been lucky.

Sums stream and merge: the parts of a log add up to the whole. Memory: 2.5 kB an artwork and set of eligible ones.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.errors import InvalidExample
from bandit.ope.batch import Floats, Integers, Mask, ViewerKeys
from bandit.ope.intervals import student_from_normal

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


class Term(IntEnum):
    """The columns of the sums: the weight 1/p, and it times each worth and the squared reward."""

    WEIGHT = 0
    REWARD = 1
    TAKE = 2
    WATCH_SHARE = 3
    SQUARE = 4


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
    """What one side of a comparison adds up to: `sums` (BUCKETS, 5), the eligible `rows`, and Σ 1/p over all of them.

    `Σ 1/p` is known before anything is drawn, so the effective number of decisions does not depend on luck.
    """

    sums: Floats
    rows: float
    inverse: float

    @property
    def effective(self) -> float:
        """How many decisions that all showed this would tell as much: rows² / Σ 1/p."""
        return self.rows**2 / self.inverse if self.inverse else 0.0

    def total(self, term: int) -> float:
        """The sum of a column over all buckets."""
        return float(self.sums[:, term].sum())

    def ratio(self, over: int, under: int) -> tuple[float, Floats]:
        """A ratio of two columns and its linear part by bucket (BUCKETS,): what its error is made of."""
        below = self.total(under)
        value = self.total(over) / below
        return value, (self.sums[:, over] - value * self.sums[:, under]) / below

    def __add__(self, other: "Arm") -> "Arm":
        return Arm(self.sums + other.sums, self.rows + other.rows, self.inverse + other.inverse)

    def __truediv__(self, parts: int) -> "Arm":
        return Arm(self.sums / parts, self.rows / parts, self.inverse / parts**2)


@dataclass(eq=False)
class _Stratum:
    """The sums of one set of eligible artworks: `table` (BUCKETS, K, 5), `inverse` and `shown` (K,)."""

    images: tuple[str, ...]
    rows: int
    shown: Integers
    inverse: Floats
    table: Floats
    used: Mask

    def arm(self, image: str) -> Arm:
        place = self.images.index(image)
        return Arm(self.table[:, place], float(self.rows), float(self.inverse[place]))

    def others(self, image: str) -> Arm:
        """The others of this set as one: each alike."""
        rest = [other for other in self.images if other != image]
        return _together([self.arm(other) for other in rest]) / len(rest)

    def __add__(self, other: "_Stratum") -> "_Stratum":
        return _Stratum(
            self.images,
            self.rows + other.rows,
            self.shown + other.shown,
            self.inverse + other.inverse,
            self.table + other.table,
            self.used | other.used,
        )


@dataclass(frozen=True, slots=True)
class TitleSums:
    """The sums of one title; `names` are the artworks that compete, by image key. See `ArtworkSums.titles`."""

    title: TitleId
    names: dict[str, ArtworkId]
    strata: tuple[_Stratum, ...]

    @property
    def buckets(self) -> int:
        """How many independent pieces the title's viewers make."""
        return int(np.logical_or.reduce([each.used for each in self.strata]).sum())

    def decisions(self, image: str) -> int:
        """How many decisions showed an artwork."""
        return sum(int(each.shown[each.images.index(image)]) for each in self._with(image))

    def arm(self, image: str) -> Arm:
        """An artwork on all decisions where it was eligible."""
        return _together([each.arm(image) for each in self._with(image)])

    def rivals(self, image: str) -> list[str]:
        """The artworks that were eligible beside this one."""
        beside = {other for each in self._with(image) for other in each.images}
        return sorted((beside & set(self.names)) - {image})

    def pair(self, one: str, other: str) -> tuple[Arm, Arm]:
        """Two artworks on the decisions where both were eligible."""
        both = [each for each in self._with(one) if other in each.images]
        return _together([each.arm(one) for each in both]), _together([each.arm(other) for each in both])

    def against_others(self, image: str) -> tuple[Arm, Arm] | None:
        """An artwork and the even mixture of those beside it, or None where it was always alone."""
        beside = [each for each in self._with(image) if len(each.images) > 1]
        if not beside:
            return None
        return _together([each.arm(image) for each in beside]), _together([each.others(image) for each in beside])

    def _with(self, image: str) -> list[_Stratum]:
        return [each for each in self.strata if image in each.images]


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


def anytime_reach(effective: Floats, *, risk: float, buckets: int, tuned_at: float) -> Floats:
    """How many standard errors an interval reaches that holds at every look at once with probability 1 − `risk`.

    Robbins' normal mixture, √((1 + ρ/t) ln((1 + t/ρ) / risk²)) with t the `effective` numbers of decisions (Robbins
    1970; Howard, Ramdas, McAuliffe & Sekhon 2021, section 3.2; as an asymptotic confidence sequence Waudby-Smith et al.
    2021). ρ makes it narrowest near t = `tuned_at`. Student's t on the buckets pays for a spread that is itself
    estimated.
    """
    spent = 2.0 * math.log(1.0 / risk)
    rho = tuned_at / (spent + math.log1p(spent))
    normal = np.sqrt((1.0 + rho / effective) * (np.log1p(effective / rho) + spent))
    return student_from_normal(normal, buckets - 1)


def _together(arms: list[Arm]) -> Arm:
    return sum(arms[1:], arms[0])


def _stratum(shown: Shown, possible: Mask) -> _Stratum:
    images = tuple(sorted(set(shown.images)))  # one picture that two artworks show is one: its chances add up
    place = np.array([images.index(image) for image in shown.images])
    probabilities = shown.probabilities[possible] @ (place[:, None] == np.arange(len(images)))
    chosen = place[shown.chosen[possible]]
    weights = 1.0 / probabilities[np.arange(len(chosen)), chosen]
    worth = shown.worth[possible]
    terms = np.column_stack([np.ones(len(chosen)), worth, worth[:, Worth.REWARD] ** 2]) * weights[:, None]
    buckets = ((shown.viewers[possible] * _MIX) >> _BUCKET_SHIFT).astype(np.int64)
    width = len(images)
    places = buckets * width + chosen
    columns = [np.bincount(places, weights=column, minlength=BUCKETS * width) for column in terms.T]
    return _Stratum(
        images=images,
        rows=len(chosen),
        shown=np.bincount(chosen, minlength=width).astype(np.int64),
        inverse=(1.0 / probabilities).sum(axis=0),
        table=np.stack(columns, axis=1, dtype=np.float64).reshape(BUCKETS, width, len(Term)),
        used=np.bincount(buckets, minlength=BUCKETS) > 0,
    )


def _check(shown: Shown) -> None:
    drawn = shown.probabilities[np.arange(len(shown)), shown.chosen]
    if not ((drawn > 0) & (drawn <= 1)).all():
        raise InvalidExample(
            f"title {shown.title}: an artwork was shown with a probability outside (0, 1]; drop the row"
        )
    if not ((shown.worth >= 0) & (shown.worth <= 1)).all():
        raise InvalidExample(f"title {shown.title}: a worth is outside [0, 1]; value the decisions again")
