"""An interval that knows how wrong the reward model may be: buckets of viewers drawn anew, the model fitted anew.

A replicate counts each bucket as often as it was drawn (with replacement; Efron 1979, by cluster: Field & Welsh 2007),
fits the models of all folds on that, and values the target by them on the same draw. Folds hold whole buckets, so no
model is asked about viewers that it learned from.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from bandit.kernels import add_crossed_totals
from bandit.ope.batch import Batch, Eligible, Floats, Predicted
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.intervals.interval import Interval, Method, NotEstimable
from bandit.ope.intervals.quantiles import student_quantile
from bandit.ope.models.cut import Cut
from bandit.ope.models.joining import Joining
from bandit.ope.models.model import FittedModel, RewardModel, eligible_of
from bandit.ope.models.ridge import FittedRidge, Ridge, crossing_of
from bandit.ope.sums import Sums
from bandit.ope.terms import Chosen, Term

FEWEST_BUCKETS = 10
REPLICATES = 200
REPLICATES_ASKED = 20
"""Of models that must be fitted and asked one by one: the spread is then known to about a sixth."""
_AFFINE_TOLERANCE = 1e-9
_BASES = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_CHECK = (0.5, 0.25, 0.75)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Draws:
    """How often each bucket counts in each replicate: `counts` (1 + replicates, buckets), once each in the first."""

    cut: Cut
    counts: Floats
    occupied: int


class Refits(Joining):
    """What each replicate's models say, added up over a log in the pass that follows fitting. Streaming, mergeable."""

    def __init__(self, draws: _Draws, terms: Sequence[Term]) -> None:
        self._draws = draws
        self._terms = tuple(terms)

    @abstractmethod
    def add(self, batch: Batch) -> None:
        """Take in the sound rows of a batch; the models say what they predict, so the batch need not.

        Raises:
            NoEligibleKnown: the batch knows no eligible artworks.
        """

    @abstractmethod
    def totals(self) -> Floats:
        """What the terms add up to in each replicate: (1 + replicates, k)."""

    @final
    def interval(
        self, estimator: Estimator, *, level: float = 0.95, chosen: Mapping[str, float | str] | None = None
    ) -> Interval:
        """The estimate ± t · its spread over the replicates, with Student's t on (buckets − 1) degrees.

        `chosen`: the hyper-parameters that a rule picked for the estimate, or on each side of a difference; replicates
        keep them.

        Raises:
            NotEstimable: the viewers fill fewer than ten buckets, or a replicate has no value.
            KeyError: the estimator is not among those that were asked for.
        """
        count = self._draws.occupied
        if count < FEWEST_BUCKETS:
            raise NotEstimable(f"viewers fill {count} buckets: drawing them anew needs at least {FEWEST_BUCKETS}")
        reader = estimator.fixed(chosen or {})
        places = np.array([self._terms.index(term) for term in reader.terms], dtype=np.int64)
        values = [reader.settle(Chosen(_sums_of(totals), places)).value for totals in self.totals()]
        spread = float(np.std(values[1:], ddof=1)) * math.sqrt(count / (count - 1))
        reach = student_quantile(level, count - 1) * spread
        return Interval(method=Method.REFIT_BOOTSTRAP, low=values[0] - reach, high=values[0] + reach, level=level)


def refits(
    model: RewardModel, estimators: Sequence[Estimator], *, replicates: int | None = None, seed: int = 0
) -> Refits:
    """Fit `model`, which was told the whole log, once a replicate; the answer then takes in the same log.

    Ridge costs one more pass, however many replicates (200 where none are named); any other model is fitted and asked
    in each of them (20).

    Raises:
        NothingToFit: no sound row was taken in.
        ValueError: fewer than two replicates.
    """
    linear = isinstance(model, Ridge)
    replicates = (REPLICATES if linear else REPLICATES_ASKED) if replicates is None else replicates
    if replicates < 2:
        raise ValueError(f"{replicates} replicates have no spread: give 2 or more, such as {REPLICATES}")
    terms = tuple(dict.fromkeys(term for estimator in estimators for term in estimator.terms))
    draws = _drawn(model, replicates=replicates, seed=seed)
    if isinstance(model, Ridge):
        return LinearRefits(draws, terms, [model.fitted(counts) for counts in draws.counts])
    return AskedRefits(draws, terms, [model.fitted(counts) for counts in draws.counts])


def _drawn(model: RewardModel, *, replicates: int, seed: int) -> _Draws:
    occupied = np.flatnonzero(model.rows_by_bucket > 0.0)
    counts = np.ones((1 + replicates, model.cut.buckets))
    if len(occupied):
        random = np.random.default_rng(seed)
        counts[1:] = 0.0
        counts[1:, occupied] = random.multinomial(len(occupied), np.full(len(occupied), 1 / len(occupied)), replicates)
    return _Draws(cut=model.cut, counts=counts, occupied=len(occupied))


@final
class AskedRefits(Refits):
    """Every replicate's models are asked about every batch."""

    def __init__(self, draws: _Draws, terms: Sequence[Term], models: Sequence[FittedModel]) -> None:
        super().__init__(draws, terms)
        self._models = models
        self._totals: Floats = np.zeros((len(models), len(terms)))

    def add(self, batch: Batch) -> None:
        """See `Refits.add`."""
        buckets = self._draws.cut.buckets_of(batch)
        for replicate, (model, counts) in enumerate(zip(self._models, self._draws.counts, strict=True)):
            columns = _columns(self._terms, model.predict(batch))
            self._totals[replicate] += (batch.stands_for * counts[buckets]) @ columns

    def join(self, other: Any) -> None:
        """See `Refits.join`."""
        self._totals = self._totals + other._totals

    def totals(self) -> Floats:
        """See `Refits.totals`."""
        return self._totals


@final
class LinearRefits(Refits):
    """For models that are linear in crossed features x: what they say on a log follows from sums of x.

    A term of an estimator is a + b q(shown) + c Σ_a π q(a), with a, b and c of the row alone, and q = xᵀβ. So the sum
    over a bucket is Σ a + βᵀ Σ (b x(shown) + c Σ_a π x(a)), and β may change as often as it likes.
    """

    def __init__(self, draws: _Draws, terms: Sequence[Term], models: Sequence[FittedRidge]) -> None:
        super().__init__(draws, terms)
        self._encoder = models[0].encoder
        self._weights = np.stack([model.weights for model in models])
        buckets, width = draws.cut.buckets, self._weights.shape[2]
        self._alone: Floats = np.zeros((buckets, len(terms)))
        self._crossed: Floats = np.zeros((buckets, width, len(terms)))

    def add(self, batch: Batch) -> None:
        """See `Refits.add`."""
        encoded, eligible = self._encoder.rows(batch), eligible_of(batch)
        buckets = self._draws.cut.buckets_of(batch)
        alone, told = self._parts(batch, eligible)
        counts = batch.stands_for[:, np.newaxis]
        np.add.at(self._alone, buckets, alone * counts)
        baseline = np.zeros(len(eligible.target)) if eligible.baseline is None else eligible.baseline
        asked = encoded.starts, encoded.artworks, encoded.chosen, np.stack([eligible.target, baseline], axis=1)
        add_crossed_totals(crossing_of(encoded), asked, told * counts[..., np.newaxis], buckets, self._crossed)

    def _parts(self, batch: Batch, eligible: Eligible) -> tuple[Floats, Floats]:
        """a (n, k), and (b, c, the baseline's c) (n, k, 3), by asking the terms what they make of predictions."""
        alone, *others = (self._said(batch, eligible, basis) for basis in _BASES)
        told = np.stack(others, axis=2) - alone[..., np.newaxis]
        if not np.allclose(
            self._said(batch, eligible, _CHECK), alone + told @ np.array(_CHECK), rtol=_AFFINE_TOLERANCE, atol=1e-9
        ):
            raise ValueError("a term is no straight line in what is predicted: use another model than ridge")
        return alone, told

    def _said(self, batch: Batch, eligible: Eligible, says: tuple[float, float, float]) -> Floats:
        shown, target, baseline = (np.full(len(batch), value) for value in says)
        predicted = Predicted(shown=shown, target=target, baseline=None if eligible.baseline is None else baseline)
        return _columns(self._terms, replace(batch, predicted=predicted))

    def join(self, other: Any) -> None:
        """See `Refits.join`."""
        self._alone = self._alone + other._alone
        self._crossed = self._crossed + other._crossed

    def totals(self) -> Floats:
        """See `Refits.totals`."""
        folds = self._draws.cut.fold_of(np.arange(self._draws.cut.buckets))
        return np.stack(
            [
                counts @ (self._alone + np.einsum("bw,bwk->bk", weights[folds], self._crossed))
                for counts, weights in zip(self._draws.counts, self._weights, strict=True)
            ]
        )


def _columns(terms: Sequence[Term], batch: Batch) -> Floats:
    return np.stack([term.of(batch) for term in terms], axis=1)


def _sums_of(totals: Floats) -> Sums:
    sums = Sums(len(totals))
    sums.totals = totals
    return sums
