"""Rules that pick one of several estimates, ordered from the least biased to the steadiest. Know no estimator."""

from collections.abc import Callable, Sequence
from enum import StrEnum


class Rule(StrEnum):
    """How a hyper-parameter is picked."""

    FIXED = "fixed"
    MSE_BOUND = "mse_bound"
    SLOPE = "slope"


def mse_bound(values: Sequence[float], errors: Sequence[float]) -> int:
    """The first place with the least error² + (value − first value)², `errors` being standard errors.

    The second part is the bias squared, plus what the difference spreads: on average a bound on the mean squared error
    (Su, Dimakopoulou, Krishnamurthy & Dudík 2020 pick by it, with the bias measured in this way among others).
    """
    bounds = [error**2 + (value - values[0]) ** 2 for value, error in zip(values, errors, strict=True)]
    return bounds.index(min(bounds))


def slope(values: Sequence[float], *, gap_error: Callable[[int, int], float]) -> int:
    """The last place of those that are no farther than 2 standard errors from any before them.

    SLOPE (Su, Srinath & Krishnamurthy 2020), Lepski's principle: where bias only grows along the order and errors only
    fall, the pick is within a constant factor of the best. The paper asks whether intervals of each meet;
    `gap_error` is the standard error of the difference of two places, which is far smaller than those of both.
    """
    for place in range(1, len(values)):
        if any(abs(values[place] - values[one]) > 2.0 * gap_error(place, one) for one in range(place)):
            return place - 1
    return len(values) - 1
