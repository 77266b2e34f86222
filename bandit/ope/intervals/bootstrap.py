"""The bucketed bootstrap: an interval from viewers drawn anew, for any function of sums. Knows no estimator's formula.

It needs no gradient and follows a skewed value; it knows no more than the others of the row that was not seen.
"""

from collections.abc import Callable, Iterator

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.intervals.interval import Interval, Method, NotEstimable
from bandit.ope.terms import Chosen

BUCKETS = 1000
REPLICATES = 1000
FEWEST_BUCKETS = 10
_MOST_UNKNOWN = 0.05


def bootstrap(
    value: Callable[[Floats], float],
    sums: Chosen,
    *,
    level: float,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
) -> Interval:
    """The middle `level` of the values of `replicates` logs, each drawn with replacement from buckets of viewers.

    Efron 1979, the percentile interval, by cluster as in Field & Welsh 2007. `value` makes sums (k,) a number, or
    raises NotEstimable.

    Raises:
        NotEstimable: fewer than ten viewers are known, or more than one in twenty such logs has no value.
    """
    buckets = _buckets(sums.viewer_sums())
    if sums.viewer_pieces < FEWEST_BUCKETS:
        raise NotEstimable(f"{sums.viewer_pieces} viewers cannot be drawn anew: a bootstrap needs {FEWEST_BUCKETS}")
    drawn = rng.multinomial(len(buckets), np.full(len(buckets), 1.0 / len(buckets)), size=replicates)
    values = np.array([*_known(value, drawn @ buckets)])
    if len(values) < (1.0 - _MOST_UNKNOWN) * replicates:
        raise NotEstimable(f"{replicates - len(values)} of {replicates} logs drawn anew have no value: log more")
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(method=Method.BOOTSTRAP, low=float(low), high=float(high), level=level)


def _buckets(pieces: Floats) -> Floats:
    """Sums of at most 1,000 buckets of pieces: (buckets, k). Pieces lie in the order of their keys in any parts."""
    buckets = np.zeros((min(len(pieces), BUCKETS), pieces.shape[1]))
    np.add.at(buckets, np.arange(len(pieces)) % BUCKETS, pieces)
    return buckets


def _known(value: Callable[[Floats], float], totals: Floats) -> Iterator[float]:
    for each in totals:
        try:
            yield value(each)
        except NotEstimable:
            continue
