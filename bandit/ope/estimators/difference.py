"""The paired difference of two policies on the same rows: what both have in common cancels. Knows no formula."""

from collections.abc import Mapping
from dataclasses import replace
from typing import final

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.estimators.estimator import Estimator, Settled
from bandit.ope.terms import Chosen, OfBaseline, Term

_BESIDE = "baseline_"
"""Stands before the hyper-parameters that the baseline's side picked."""


@final
class Difference(Estimator):
    """What an estimator says of the target, less what it says of the baseline on the same rows.

    Its spread is that of the difference a row or viewer: far less than that of either value where the policies agree.
    """

    def __init__(self, estimator: Estimator, *, of_baseline: Estimator | None = None) -> None:
        """`estimator` is only read for what it needs and makes of it; it keeps its own sums, if any.

        `of_baseline` is the same with other hyper-parameters, where those of the baseline are fixed to others.
        """
        self._of_target, self._of_baseline = estimator, of_baseline or estimator
        self.name = estimator.name
        self.needs_predictions, self.needs_likeness = estimator.needs_predictions, estimator.needs_likeness
        super().__init__()

    @property
    def terms(self) -> tuple[Term, ...]:
        """The estimator's terms, then the same of the baseline."""
        return *self._of_target.terms, *(OfBaseline(term) for term in self._of_baseline.terms)

    def value(self, totals: Floats) -> tuple[float, Floats]:
        """See `Estimator.value`."""
        target, of_target = self._of_target.value(totals[: self._first])
        baseline, of_baseline = self._of_baseline.value(totals[self._first :])
        return target - baseline, np.concatenate([of_target, -of_baseline])

    def settle(self, sums: Chosen) -> Settled:
        """See `Estimator.settle`: each side picks its own hyper-parameters, and both are told."""
        target = self._of_target.settle(Chosen(sums.whole, sums.places[: self._first]))
        baseline = self._of_baseline.settle(Chosen(sums.whole, sums.places[self._first :]))
        unbiased = target.unbiased and baseline.unbiased and _less(target.unbiased, baseline.unbiased)
        beside = {f"{_BESIDE}{name}": picked for name, picked in baseline.chosen.items() if name != "rule"}
        return replace(_less(target, baseline), chosen={**target.chosen, **beside}, unbiased=unbiased)

    def fixed(self, chosen: Mapping[str, float | str]) -> Estimator:
        """See `Estimator.fixed`: each side keeps its own."""
        beside = {name.removeprefix(_BESIDE): one for name, one in chosen.items() if name.startswith(_BESIDE)}
        return Difference(self._of_target.fixed(chosen), of_baseline=self._of_baseline.fixed(beside))

    @property
    def _first(self) -> int:
        """How many of the terms are the target's."""
        return len(self._of_target.terms)


def _less(target: Settled, baseline: Settled) -> Settled:
    return Settled(value=target.value - baseline.value, gradient=np.concatenate([target.gradient, -baseline.gradient]))
