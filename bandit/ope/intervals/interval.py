"""Intervals around an estimate: by row, or clustered by viewer. Knows no estimator.

An estimate is a smooth function of sums; its error is that of the function's linear part (delta method), which adds
up over rows or, where rows of one viewer hang together, over viewers (Liang & Zeger 1986, "cluster-robust").
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from bandit.errors import BanditError
from bandit.ope.batch import Floats
from bandit.ope.intervals.quantiles import normal_quantile, student_quantile
from bandit.ope.terms import Chosen


class NotEstimable(BanditError):
    """The rows hold no answer: none, none that the target would show, or too few for an interval."""


class Method(StrEnum):
    """How an interval was made."""

    NORMAL = "normal"
    VIEWER_CLUSTERED = "viewer_clustered"
    CRESSIE_READ = "cressie_read"
    CRESSIE_READ_CLUSTERED = "cressie_read_clustered"
    WIDENED = "widened"
    WIDENED_CLUSTERED = "widened_clustered"
    ANYTIME = "anytime"
    ANYTIME_CLUSTERED = "anytime_clustered"
    BOOTSTRAP = "bootstrap"
    REFIT_BOOTSTRAP = "refit_bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A range that holds the true value in `level` of repetitions."""

    method: Method
    low: float
    high: float
    level: float

    def holding(self, other: "Interval") -> "Interval":
        """The same, stretched as far as needed to hold another."""
        return replace(self, low=min(self.low, other.low), high=max(self.high, other.high))

    def around(self, value: float) -> "Interval":
        """The same, stretched as far as needed to hold a value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))


def interval_around(value: float, *, gradient: Floats, sums: Chosen, level: float, method: Method | None) -> Interval:
    """The interval of a function of `sums` with this `value` and `gradient` (k,); without a method, the default one.

    The default is clustered by viewer where viewers repeat, with Student's t on (viewers − 1) degrees, and
    by row otherwise.

    Raises:
        NotEstimable: fewer than two rows or viewers, or viewers asked for that the log does not know.
        ValueError: the level is not inside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level of {level} is no confidence level: give one inside (0, 1), such as 0.95")
    method = method or default_method(sums)
    error = standard_error(gradient, sums=sums, method=method)
    by_row = method is Method.NORMAL
    reach = error * (normal_quantile(level) if by_row else student_quantile(level, _independent(sums, method) - 1))
    return Interval(method=method, low=value - reach, high=value + reach, level=level)


def default_method(sums: Chosen) -> Method:
    """Clustered by viewer where viewers are known and repeat, by row otherwise."""
    return Method.NORMAL if sums.viewer_pieces in (0, sums.rows) else Method.VIEWER_CLUSTERED


def standard_error(gradient: Floats, *, sums: Chosen, method: Method) -> float:
    """The standard error of a function of `sums` with this gradient, corrected by n / (n − 1) for n rows or viewers.

    Raises:
        NotEstimable: n is below two, or viewers are asked for that the log does not know.
    """
    count = _independent(sums, method)
    spread = sums.row_spread(gradient) if method is Method.NORMAL else sums.viewer_spread(gradient)
    return spread * math.sqrt(count / (count - 1))


def _independent(sums: Chosen, method: Method) -> int:
    """How many independent pieces the sums are made of: at least two, or NotEstimable."""
    by_row = method is Method.NORMAL
    count = sums.rows if by_row else sums.viewer_pieces
    if count < 2:
        raise NotEstimable(f"{count} {'rows' if by_row else 'viewers'} have no spread: an interval needs at least two")
    return count
