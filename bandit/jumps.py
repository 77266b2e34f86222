"""Whether a title's day differs from its trailing level more than days do: for many titles, looked at every day.

A day's mean reward is compared with the mean of the days before it. How far days scatter by themselves is more than
what chance between viewers explains (weekdays, campaigns elsewhere on the page), so the variance is widened by a factor
φ that all titles tell together (a quasi-likelihood's dispersion: McCullagh & Nelder 1989, section 4.5.1), and the score
is held against Student's t on as many degrees as told φ. The level of one look is the alarms that are accepted a year,
shared out over titles and days (Bonferroni), so looking at many titles daily costs nothing but sensitivity.
Knows no storage and no viewer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bandit.ope.intervals.quantiles import student_quantile

DAYS_A_YEAR = 365.0
FEWEST_DAYS = 7
FEWEST_DECISIONS = 50.0
"""Days of a title with fewer say too little of a mean to be normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleDay:
    """One day of a title: the decisions that its rows stand for, their mean reward, and the variance of that mean."""

    decisions: float
    mean: float
    variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A title whose newest day lies `score` standard errors from its trailing `level`; beyond `limit` is an alarm."""

    title: str
    mean: float
    level: float
    score: float
    limit: float

    @property
    def alarming(self) -> bool:
        """Whether chance alone would hardly do that."""
        return abs(self.score) > self.limit


def find_jumps(history: Mapping[str, Sequence[TitleDay]], *, alarms_a_year: float) -> list[Jump]:
    """Compare the last day of each title's `history` with the days before; the farthest first.

    Titles with fewer than 7 days of 50 decisions before the last, or too few on it, cannot jump: they are left out.
    With `alarms_a_year` at 1, a year of honest days over any number of titles raises one false alarm, on average.
    """
    known = {title: days for title, all_days in history.items() if (days := _enough(all_days))}
    if not known:
        return []
    scores = {title: _scores(days[:-1]) for title, days in known.items()}
    degrees = sum(len(each) - 1 for each in scores.values())
    dispersion = max(1.0, sum(float((each**2).sum()) for each in scores.values()) / degrees)
    level = 1.0 - min(0.5, alarms_a_year / DAYS_A_YEAR / len(known))
    limit = student_quantile(level, degrees)
    found = [_jump(title, days, dispersion=dispersion, limit=limit) for title, days in known.items()]
    return sorted(found, key=lambda jump: (-abs(jump.score), jump.title))


def _enough(days: Sequence[TitleDay]) -> list[TitleDay]:
    """The days that tell something, if the last is one of them and enough are before it."""
    if not days or days[-1].decisions < FEWEST_DECISIONS:
        return []
    telling = [day for day in days if day.decisions >= FEWEST_DECISIONS]
    return telling if len(telling) > FEWEST_DAYS else []


def _scores(days: Sequence[TitleDay]) -> np.ndarray:
    """How far each of some days lies from their common level, in its own standard errors; they lose one degree."""
    level, _ = _level(days)
    return np.array([(day.mean - level) / math.sqrt(_spread(day)) for day in days])


def _level(days: Sequence[TitleDay]) -> tuple[float, float]:
    """The mean of days weighted by what they tell, and its variance."""
    weights = np.array([1.0 / _spread(day) for day in days])
    means = np.array([day.mean for day in days])
    return float(weights @ means / weights.sum()), float(1.0 / weights.sum())


def _spread(day: TitleDay) -> float:
    """A day's variance; at least that of one rewarded decision more or less: a day without rewards is not sure."""
    return max(day.variance, 1.0 / day.decisions**2)


def _jump(title: str, days: Sequence[TitleDay], *, dispersion: float, limit: float) -> Jump:
    level, variance = _level(days[:-1])
    newest = days[-1]
    error = math.sqrt(dispersion * (_spread(newest) + variance))
    return Jump(title=title, mean=newest.mean, level=level, score=(newest.mean - level) / error, limit=limit)
