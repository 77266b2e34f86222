"""The paired difference of two policies on the same rows: what both have in common cancels. Knows no formula."""

from dataclasses import replace
from typing import final

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.estimators.estimator import Estimator, Settled
from bandit.ope.terms import Chosen, OfBaseline, Term


@final
class Difference(Estimator):
    """What an estimator says of the target, less what it says of the baseline on the same rows.

    Its spread is that of the difference a row or viewer: far less than that of either value where the policies agree.
    """

    def __init__(self, estimator: Estimator) -> None:
        """`estimator` is only read for what it needs and makes of it; it keeps its own sums, if any."""
        self._estimator = estimator
        self.name = estimator.name
        super().__init__()

    @property
    def terms(self) -> tuple[Term, ...]:
        """The estimator's terms, then the same of the baseline."""
        own = self._estimator.terms
        return (*own, *(OfBaseline(term) for term in own))

    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`."""
        half = len(totals) // 2
        target, of_target = self._estimator.value(totals[:half])
        baseline, of_baseline = self._estimator.value(totals[half:])
        return target - baseline, np.concatenate([of_target, -of_baseline])

    def settle(self, sums: Chosen) -> Settled:
        """See `Estimator.settle`: each side picks its own hyper-parameters, and both are told."""
        half = len(sums.places) // 2
        target = self._estimator.settle(Chosen(sums.whole, sums.places[:half]))
        baseline = self._estimator.settle(Chosen(sums.whole, sums.places[half:]))
        unbiased = target.unbiased and baseline.unbiased and _less(target.unbiased, baseline.unbiased)
        beside = {f"baseline_{name}": picked for name, picked in baseline.chosen.items() if name != "rule"}
        return replace(_less(target, baseline), chosen={**target.chosen, **beside}, unbiased=unbiased)


def _less(target: Settled, baseline: Settled) -> Settled:
    return Settled(value=target.value - baseline.value, gradient=np.concatenate([target.gradient, -baseline.gradient]))
