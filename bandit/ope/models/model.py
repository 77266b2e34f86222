"""The one shape of a reward model: fitted in parts, asked only about viewers that it never saw. Knows no formula.

`RewardModel` takes a log in batches and adds up; `fitted` gives one model a fold, each of the other folds' viewers
(cross-fitting: Chernozhukov et al. 2018, definition 3.1), and `predict` sets what they say beside a batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import final

import numpy as np

from bandit.errors import BanditError
from bandit.ope.batch import Batch, Eligible, Floats, Mask, Predicted
from bandit.ope.models.cut import Cut
from bandit.ope.models.joining import Joining


class NoEligibleKnown(BanditError):
    """The log keeps only the artwork that was shown, so nothing can be said of the others."""


class NothingToFit(BanditError):
    """No sound row was given to fit a model on."""


class FittedModel(ABC):
    """Mean rewards of artworks, for each row by a model that did not see the row's viewer. Pickles."""

    name: str

    @property
    @abstractmethod
    def chosen(self) -> Mapping[str, float | str]:
        """What a rule picked from the data, and how well it does: plain numbers by name."""

    @abstractmethod
    def scores(self, batch: Batch) -> Floats:
        """The predicted reward of every eligible entry of a batch: (m,).

        Raises:
            NoEligibleKnown: the batch knows no eligible artworks.
        """

    @final
    def predict(self, batch: Batch) -> Batch:
        """The same rows with `predicted`; raises as `scores` does."""
        eligible = eligible_of(batch)
        scores = self.scores(batch)
        baseline = None if eligible.baseline is None else eligible.row_sums(eligible.baseline * scores)
        predicted = Predicted(
            shown=scores[eligible.chosen], target=eligible.row_sums(eligible.target * scores), baseline=baseline
        )
        return replace(batch, predicted=predicted)


class RewardModel(Joining):
    """A model in the making: what a log's rows tell, streaming and mergeable. Pickles."""

    name: str
    cut: Cut

    @abstractmethod
    def add(self, batch: Batch) -> None:
        """Take in the sound rows of a batch; each counts as often as it stands for decisions.

        Raises:
            NoEligibleKnown: the batch knows no eligible artworks.
            InvalidExample: its features are others than those of earlier batches.
            RefusedFeature: a feature means age or gender.
        """

    @property
    @abstractmethod
    def rows_by_bucket(self) -> Floats:
        """How many decisions the rows of each bucket stand for: (buckets,)."""

    @abstractmethod
    def fitted(self, counts: Floats | None = None) -> FittedModel:
        """Fit one model a fold. `counts` (buckets,): how often each bucket counts, once where none are given.

        Raises:
            NothingToFit: no sound row was taken in.
        """


def fit(batches: Iterable[Batch], model: RewardModel) -> FittedModel:
    """Give `model` a whole log and fit it; raises as `RewardModel.add` and `RewardModel.fitted` do."""
    for batch in batches:
        model.add(batch)
    return model.fitted()


def eligible_of(batch: Batch) -> Eligible:
    """The eligible artworks of a batch.

    Raises:
        NoEligibleKnown: it knows none.
    """
    if batch.eligible is None:
        raise NoEligibleKnown(
            "this log keeps only the artwork that was shown, and a reward model must be asked about all: "
            "give the columns artworks, artwork and probabilities, or use ips and snips"
        )
    return batch.eligible


def counts_of(batch: Batch, sound: Mask) -> Floats:
    """How often each row counts (n,): as often as it stands for decisions, 0 where it is not sound."""
    counts = np.zeros(len(batch))
    counts[sound] = 1.0 if batch.kept is None else 1.0 / batch.kept[sound]
    return counts


def sound_rows(batch: Batch) -> Mask:
    """The rows (n,) that a model can learn from: with a finite reward, kept with a probability above 0."""
    kept = np.ones(len(batch)) if batch.kept is None else batch.kept
    return np.isfinite(batch.reward) & np.isfinite(kept) & (kept > 0.0)
