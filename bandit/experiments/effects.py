"""The difference that a cell makes: adjusted for what its viewers did before, with intervals for one look or for all.

Knows no experiment and no verdict. A metric is a ratio of two sums over viewers, its error that of its linear part
added up by viewer (delta method; Deng, Knoblich & Lu 2018). What viewers did before the experiment cannot depend on
their cell, so the part of the difference that it explains is chance and is taken off: CUPED (Deng, Xu, Kohavi & Walker
2013, equations 3 to 5), with the coefficients that make the estimated variance smallest.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bandit.experiments.cell_sums import Column
from bandit.ope.batch import Floats
from bandit.ope.intervals.quantiles import student_quantile, two_sided_p
from bandit.ope.intervals.sequence import anytime_reach

FEWEST_PIECES = 16
"""A spread of fewer viewers (or buckets of them) than this is no ground for anything."""

MOST_TELLING_REACH = 3.0
"""About how many standard errors an interval for all looks reaches where it is narrowest."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A ratio of two columns, and whether more of it is better."""

    name: str
    over: Column
    under: Column
    more_is_better: bool = True


REWARD = Metric("reward", Column.REWARD, Column.DECISIONS)
PLAY_RATE = Metric("play_rate", Column.PLAYS, Column.DECISIONS)
COMPLETION = Metric("completion", Column.WATCHED, Column.PLAYS)
ABANDONMENT = Metric("abandonment", Column.ABANDONED, Column.PLAYS, more_is_better=False)
DECISIONS_A_VIEWER = Metric("decisions_a_viewer", Column.DECISIONS, Column.VIEWERS)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The ends of an interval."""

    low: float
    high: float

    def scaled(self, factor: float) -> "Bounds":
        """The same in another unit, `factor` > 0."""
        return Bounds(self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a cell does to a metric: `control` and `value` are the two cells' means, `difference` what is between them.

    `error` is the standard error of the (adjusted) difference, `lift_error` of difference / control; `pieces` how many
    independent pieces the smaller cell has, `reduction` the part of the variance that the adjustment took off.
    """

    control: float
    value: float
    difference: float
    error: float
    lift_error: float
    pieces: int
    reduction: float = 0.0

    @property
    def lift(self) -> float:
        """The difference as a part of the control's mean; not a number where that is 0."""
        return self.difference / self.control if self.control else math.nan

    @property
    def p_value(self) -> float:
        """How often so large a difference comes by chance, for one look (Student's t)."""
        if self.pieces < FEWEST_PIECES or not self.error:
            return math.nan
        return float(two_sided_p(np.array([self.difference / self.error]), self.pieces - 1)[0])

    def at_one_look(self, level: float) -> Bounds:
        """The interval of the difference for whoever looks once, at a time fixed before."""
        if self.pieces < FEWEST_PIECES:
            return Bounds(-math.inf, math.inf)
        return self._around(student_quantile(level, self.pieces - 1))

    def at_all_looks(self, risk: float, *, smallest: float) -> Bounds:
        """The interval that holds the truth at every look at once with probability 1 − `risk`.

        Robbins' normal mixture in the scale of information, 1 / error² (Howard, Ramdas, McAuliffe & Sekhon 2021;
        Waudby-Smith et al. 2021), narrowest when a difference of `smallest` > 0 can just be told from none.
        """
        if self.pieces < FEWEST_PIECES or not self.error:
            return Bounds(-math.inf, math.inf)
        tuned_at = (MOST_TELLING_REACH / smallest) ** 2
        information = np.array([1.0 / self.error**2])
        reach = anytime_reach(information, risk=risk, buckets=self.pieces, tuned_at=tuned_at)
        return self._around(float(reach[0]))

    def _around(self, reach: float) -> Bounds:
        return Bounds(self.difference - reach * self.error, self.difference + reach * self.error)


@dataclass(frozen=True, eq=False)
class _Side:
    """One cell's pieces (g, 8) seen through a metric."""

    pieces: Floats
    metric: Metric

    @cached_property
    def mean(self) -> float:
        return float(self._total(self.metric.over) / self._total(self.metric.under))

    @cached_property
    def linear(self) -> Floats:
        """What each piece adds to the error of the mean: (g,)."""
        over, under = self.pieces[:, self.metric.over], self.pieces[:, self.metric.under]
        return (over - self.mean * under) / self._total(self.metric.under)

    @cached_property
    def before(self) -> Floats:
        """Decisions and rewards a viewer before the experiment: (2,)."""
        return self._before.sum(axis=0) / self._total(Column.VIEWERS)

    @cached_property
    def linear_before(self) -> Floats:
        """What each piece adds to the error of `before`: (g, 2)."""
        return (self._before - self.pieces[:, [Column.VIEWERS]] * self.before) / self._total(Column.VIEWERS)

    @property
    def _before(self) -> Floats:
        return self.pieces[:, [Column.BEFORE, Column.REWARD_BEFORE]]

    def usable(self) -> bool:
        return len(self.pieces) > 1 and self._total(self.metric.under) > 0

    def error(self, linear: Floats) -> float:
        return float(np.linalg.norm(linear)) * math.sqrt(len(linear) / (len(linear) - 1))

    def _total(self, column: Column) -> float:
        return float(self.pieces[:, column].sum())


def effect(control: Floats, treated: Floats, metric: Metric, *, adjusted: bool = True) -> Effect | None:
    """Compare two cells by their pieces (g, 8); None where a cell has fewer than two viewers or nothing to divide by.

    Not `adjusted`: for cells whose viewers were treated differently before, such as those who are always held back.
    """
    one, other = _Side(control, metric), _Side(treated, metric)
    if not (one.usable() and other.usable()):
        return None
    weights = _coefficients(one, other) if adjusted else np.zeros(2)
    linear, plain = [each.linear - each.linear_before @ weights for each in (one, other)], [one.linear, other.linear]
    difference = other.mean - one.mean - float((other.before - one.before) @ weights)
    errors = [side.error(part) for side, part in zip((one, other), linear, strict=True)]
    raw = sum(side.error(part) ** 2 for side, part in zip((one, other), plain, strict=True))
    variance = errors[0] ** 2 + errors[1] ** 2
    grown = 1.0 + difference / one.mean if one.mean else math.nan
    return Effect(
        control=one.mean,
        value=other.mean,
        difference=difference,
        error=math.sqrt(variance),
        lift_error=math.hypot(errors[1], grown * errors[0]) / one.mean if one.mean else math.nan,
        pieces=min(len(control), len(treated)),
        reduction=1.0 - variance / raw if raw else 0.0,
    )


def mean_of(pieces: Floats, metric: Metric) -> tuple[float, float] | None:
    """A cell's mean and its standard error; None where there is nothing to divide by."""
    side = _Side(pieces, metric)
    return (side.mean, side.error(side.linear)) if side.usable() else None


def _coefficients(one: _Side, other: _Side) -> Floats:
    """θ (2,): the least-squares coefficients of what is explained by the time before, over both cells' pieces."""
    before = np.concatenate([one.linear_before, other.linear_before])
    scale = np.linalg.norm(before, axis=0)
    usable = scale > 0
    if not usable.any():
        return np.zeros(2)
    explaining, explained = before[:, usable] / scale[usable], np.concatenate([one.linear, other.linear])
    weights = np.zeros(2)
    weights[usable] = np.linalg.pinv(explaining, rcond=1e-9) @ explained / scale[usable]
    return weights
