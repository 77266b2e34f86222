"""Rules that pick one of several estimates, ordered from the least biased to the steadiest. Know no estimator."""

from collections.abc import Sequence
from enum import StrEnum


class Rule(StrEnum):
    """How a hyper-parameter is picked."""

    FIXED = "fixed"
    SLOPE = "slope"
    MSE_BOUND = "mse_bound"


def slope(values: Sequence[float], errors: Sequence[float]) -> int:
    """The place of the last estimate whose interval meets those of all before it.

    SLOPE (Su, Srinath & Krishnamurthy 2020, alg. 1), Lepski's principle: where bias only grows along the order and
    `errors` only fall, the pick is within a constant factor of the best. The intervals are value ± 2 error; `errors`
    are standard errors where the paper has bounds of a chosen confidence.
    """
    low, high = float("-inf"), float("inf")
    for place, (value, error) in enumerate(zip(values, errors, strict=True)):
        low, high = max(low, value - 2.0 * error), min(high, value + 2.0 * error)
        if low > high:
            return place - 1
    return len(values) - 1


def least_mse_bound(errors: Sequence[float], biases: Sequence[float]) -> int:
    """The first place with the least error² + bias², `biases` being bounds (Wang, Agarwal & Dudík 2017, sec. 3.1)."""
    bounds = [error**2 + bias**2 for error, bias in zip(errors, biases, strict=True)]
    return bounds.index(min(bounds))
