"""Quantiles and tails of the distributions that intervals are made of. Knows no log and no estimate."""

# scipy's special functions carry no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from bandit.ope.batch import Floats


def normal_quantile(level: float) -> float:
    """How many standard errors a two-sided normal interval of `level` reaches."""
    return float(ndtri((1.0 + level) / 2.0))


def student_quantile(level: float, degrees: float) -> float:
    """The same for Student's t with `degrees` > 0."""
    return float(stdtrit(degrees, (1.0 + level) / 2.0))


def student_from_normal(z: Floats, degrees: float) -> Floats:
    """The quantiles of Student's t where the normal distribution has `z`."""
    # The lower tail is the exact one in floating point.
    return np.asarray(-np.sign(z) * stdtrit(degrees, ndtr(-np.abs(z))), dtype=np.float64)


def two_sided_p(ratio: Floats, degrees: float | None = None) -> Floats:
    """How probably a value so many standard errors from 0 is met where the truth is 0: Student's t, or normal."""
    lower = -np.abs(ratio)
    return np.asarray(2.0 * (ndtr(lower) if degrees is None else stdtr(degrees, lower)), dtype=np.float64)
