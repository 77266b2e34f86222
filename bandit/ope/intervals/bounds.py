"""Between what rewards and weights can lie, stated or seen: what an interval must reckon with. Knows no estimate."""

import math
from dataclasses import dataclass

import numpy as np

from bandit.ope.batch import Batch, Floats

Range = tuple[float, float]
UNIT: Range = (0.0, 1.0)
ANY_WEIGHT: Range = (0.0, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The smallest and the largest that a row can have.

    `reward` and `weight` (of the target's probability over the logged one) are what no row can leave; `heaviest` is
    the largest weight among the rows, how often a row counts included; `baseline` and `heaviest_baseline` are the
    same for a policy that the target is compared with. `known` says whether the weights' bounds are more than [0, ∞).
    """

    reward: Range = UNIT
    weight: Range = ANY_WEIGHT
    heaviest: float = 0.0
    baseline: Range = ANY_WEIGHT
    heaviest_baseline: float = 0.0

    @property
    def known(self) -> bool:
        """Whether weights have a largest value that is known."""
        return math.isfinite(self.weight[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The extremes of the rows so far: parts of a log add up to the whole.

    `possible` and `possible_baseline` are weights of every eligible artwork, shown or not; they are None as long as
    some row does not list its own.
    """

    reward: Range = (math.inf, -math.inf)
    heaviest: float = 0.0
    heaviest_baseline: float = 0.0
    possible: Range | None = (math.inf, -math.inf)
    possible_baseline: Range | None = (math.inf, -math.inf)

    @classmethod
    def of(cls, batch: Batch) -> "Seen":
        """Those of a batch of sound rows."""
        if not len(batch):
            return cls()
        eligible = batch.eligible
        counts = batch.stands_for
        baseline = None if batch.baseline is None else batch.baseline / batch.propensity
        listed = None if eligible is None else np.repeat(counts, eligible.counts)
        return cls(
            reward=_extremes(batch.reward),
            heaviest=float((batch.weights * counts).max()),
            heaviest_baseline=0.0 if baseline is None else float((baseline * counts).max()),
            possible=None if eligible is None or listed is None else _ratios(eligible.target, eligible.logged, listed),
            possible_baseline=None
            if eligible is None or listed is None or eligible.baseline is None
            else _ratios(eligible.baseline, eligible.logged, listed),
        )

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(
            reward=_wider(self.reward, other.reward),
            heaviest=max(self.heaviest, other.heaviest),
            heaviest_baseline=max(self.heaviest_baseline, other.heaviest_baseline),
            possible=_wider_if_known(self.possible, other.possible),
            possible_baseline=_wider_if_known(self.possible_baseline, other.possible_baseline),
        )

    def bounds(self, *, reward: Range | None = None, weight: Range | None = None) -> Bounds:
        """What to reckon with, given what is stated, if anything.

        Rewards that were all within 0 to 1 can be anything there, others anything within what was seen; weights are
        those of the eligible artworks, and anything from 0 where these are not listed.
        """
        seen = self.reward if self.reward[0] <= self.reward[1] else UNIT
        unit = UNIT[0] <= seen[0] and seen[1] <= UNIT[1]
        return Bounds(
            reward=_wider(reward, seen) if reward else (UNIT if unit else seen),
            weight=weight or _finite(self.possible),
            heaviest=self.heaviest,
            baseline=_finite(self.possible_baseline),
            heaviest_baseline=self.heaviest_baseline,
        )


def _extremes(values: Floats) -> Range:
    return float(values.min()), float(values.max())


def _ratios(target: Floats, logged: Floats, counts: Floats) -> Range:
    """The extremes of target / logged over what the log could show, how often a row counts included."""
    possible = logged > 0.0
    return _extremes(target[possible] / logged[possible] * counts[possible]) if possible.any() else ANY_WEIGHT


def _wider(one: Range, other: Range) -> Range:
    return min(one[0], other[0]), max(one[1], other[1])


def _wider_if_known(one: Range | None, other: Range | None) -> Range | None:
    return None if one is None or other is None else _wider(one, other)


def _finite(possible: Range | None) -> Range:
    return possible if possible and possible[0] <= possible[1] else ANY_WEIGHT
