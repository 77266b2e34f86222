"""Between what rewards and weights can lie, stated or seen: what an interval must reckon with. Knows no estimate."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bandit.ope.batch import Batch, Eligible, Floats

Range = tuple[float, float]
Pair = tuple[float, float]
UNIT: Range = (0.0, 1.0)
ANY_WEIGHT: Range = (0.0, math.inf)
NOTHING: Range = (math.inf, -math.inf)

_LIGHTEST = 4.0
_STEPS = 64
_FEWEST_EXPECTED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The smallest and the largest that a row can have.

    `reward` and `weight` (the target's probability over the logged one) are what no row can leave; `heaviest` is the
    largest weight among the rows. `apart` are the rows on which the weights of the target and of the policy that it is
    compared with differed most, one for each sign: (target's, other's). How often a row counts is in all weights.
    """

    reward: Range = UNIT
    weight: Range = ANY_WEIGHT
    heaviest: float = 0.0
    apart: tuple[Pair, Pair] = ((0.0, 0.0), (0.0, 0.0))

    @property
    def known(self) -> bool:
        """Whether weights have a largest value that is known."""
        return math.isfinite(self.weight[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """The extremes of the rows so far: parts of a log add up to the whole.

    `possible` are the weights of every eligible artwork, shown or not; None as soon as some row does not list its own.
    `apart` is None where nothing is compared. `heavy` says how many rows were to be expected with weights of 4 to 4√2,
    to 8, to 8√2 and so on.
    """

    reward: Range = NOTHING
    weight: Range = NOTHING
    apart: tuple[Pair, Pair] | None = None
    possible: Range | None = NOTHING
    heavy: Floats = field(default_factory=lambda: np.zeros(_STEPS))

    @classmethod
    def of(cls, batch: Batch) -> "Seen":
        """Those of a batch of sound rows."""
        if not len(batch):
            return cls()
        weights, eligible = batch.weights * batch.stands_for, batch.eligible
        shown = cls(
            reward=_extremes(batch.reward),
            weight=_extremes(weights),
            apart=None
            if batch.baseline is None
            else _apart(weights, batch.baseline / batch.propensity * batch.stands_for),
            possible=None,
        )
        return shown if eligible is None else replace(shown, **_listed(eligible, batch.stands_for))

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(
            reward=_wider(self.reward, other.reward),
            weight=_wider(self.weight, other.weight),
            apart=_farther(self.apart, other.apart),
            possible=_wider(self.possible, other.possible) if self.possible and other.possible else None,
            heavy=self.heavy + other.heavy,
        )

    @property
    def heaviest_expected(self) -> float:
        """The largest weight of which the log would hold a row in one of ten repetitions, to a factor of √2."""
        expected = np.cumsum(self.heavy[::-1])[::-1]
        return float(_LIGHTEST * 2.0 ** (np.count_nonzero(expected >= _FEWEST_EXPECTED) / 2.0))

    def bounds(self, *, reward: Range | None = None, weight: Range | None = None) -> Bounds:
        """What to reckon with, given what is stated, if anything.

        Rewards that were all within 0 to 1 can be anything there, others anything within what was seen. Weights reach
        to the largest that was seen or was to be expected where the eligible artworks are listed, and anything from 0
        where they are not.
        """
        seen = _or(self.reward, UNIT)
        assumed = UNIT if UNIT[0] <= seen[0] and seen[1] <= UNIT[1] else seen
        heaviest, expected = _or(self.weight, (0.0, 0.0))[1], self.heaviest_expected
        listed = ANY_WEIGHT if not self.possible else _or(self.possible, ANY_WEIGHT)
        return Bounds(
            reward=_wider(reward, seen) if reward else assumed,
            weight=weight or (listed[0], max(heaviest, min(listed[1], expected)) if self.possible else math.inf),
            heaviest=heaviest,
            apart=self.apart or ((0.0, 0.0), (0.0, 0.0)),
        )


def _listed(eligible: Eligible, stands_for: Floats) -> dict[str, Any]:
    """What the eligible artworks that the log could show say of weights."""
    possible = eligible.logged > 0.0
    logged = eligible.logged[possible]
    inverse = np.repeat(stands_for, eligible.counts)[possible] / logged
    weights = eligible.target[possible] * inverse
    heavy = weights >= _LIGHTEST
    steps = np.minimum(2.0 * np.log2(weights[heavy] / _LIGHTEST), _STEPS - 1).astype(np.int64)
    return {
        "possible": _extremes(weights),
        "heavy": np.bincount(steps, weights=logged[heavy], minlength=_STEPS),
    }


def _apart(weights: Floats, others: Floats) -> tuple[Pair, Pair]:
    gaps = weights - others
    least, most = int(gaps.argmin()), int(gaps.argmax())
    return (float(weights[least]), float(others[least])), (float(weights[most]), float(others[most]))


def _farther(one: tuple[Pair, Pair] | None, other: tuple[Pair, Pair] | None) -> tuple[Pair, Pair] | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0], key=_gap), max(one[1], other[1], key=_gap)


def _gap(pair: Pair) -> float:
    return pair[0] - pair[1]


def _extremes(values: Floats) -> Range:
    return (float(values.min()), float(values.max())) if len(values) else NOTHING


def _wider(one: Range, other: Range) -> Range:
    return min(one[0], other[0]), max(one[1], other[1])


def _or(seen: Range, otherwise: Range) -> Range:
    return otherwise if seen == NOTHING else seen
