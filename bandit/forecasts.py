"""Whether what was foretold of a policy came true, and how often that is so. Knows no log and no deployment.

A forecast and what was observed afterwards are two estimates, each with an interval. They agree where the interval of
their difference holds 0, by the method of variance estimates recovery (Zou & Donner 2008, equation 3): its ends need
only the ends of both, so neither has to be symmetric.
"""

# scipy's special functions carry no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

import math
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.special import betaincinv

FEWEST_ROWS = 100
FEWEST_VIEWERS = 30
"""What rests on less is not held against a forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A mean reward a decision between `low` and `high`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Of `settled` forecasts, `covered` came true; the share, with a Clopper–Pearson interval of 95 %."""

    settled: int
    covered: int
    share: float | None
    low: float | None
    high: float | None


def agree(forecast: Range, observed: Range) -> bool:
    """Whether what was observed is what the forecast left room for, given how sure either is."""
    gap = observed.value - forecast.value
    if gap >= 0.0:
        return gap <= math.hypot(forecast.high - forecast.value, observed.value - observed.low)
    return -gap <= math.hypot(forecast.value - forecast.low, observed.high - observed.value)


def coverage(verdicts: Iterable[bool | None]) -> Coverage:
    """How many of the forecasts came true, of those that can be told (None: not yet)."""
    known = [each for each in verdicts if each is not None]
    settled, covered = len(known), sum(known)
    if not settled:
        return Coverage(settled=0, covered=0, share=None, low=None, high=None)
    low = float(betaincinv(covered, settled - covered + 1, 0.025)) if covered else 0.0
    high = float(betaincinv(covered + 1, settled - covered, 0.975)) if covered < settled else 1.0
    return Coverage(settled=settled, covered=covered, share=covered / settled, low=low, high=high)
