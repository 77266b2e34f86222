"""Means of sums with their gradients, shared by estimators that divide by the number of decisions. Know no term."""

from bandit.ope.batch import Floats
from bandit.ope.intervals.interval import NotEstimable


def mean_of(totals: Floats, picks: Floats, *, count: int) -> tuple[float, Floats]:
    """`picks` (k,) times the totals (k,), divided by the total at `count`: the value and its gradient (k,).

    Raises:
        NotEstimable: there are no rows.
    """
    rows = float(totals[count])
    if rows == 0.0:
        raise NotEstimable("there is no row to go by: log decisions first")
    mean = float(picks @ totals) / rows
    gradient = picks / rows
    gradient[count] -= mean / rows
    return mean, gradient
