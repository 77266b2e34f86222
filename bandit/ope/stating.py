"""From logged rows to a batch: the probabilities that the log itself carries, or none yet. Knows no file, no version.

A log may list its eligible artworks and keep only the shown one's probability. Then targets can still be stated over
them; once that is done the list is dropped (`settled`), for the probabilities that stand in it are not the log's.
"""

from dataclasses import dataclass, replace

import numpy as np

from bandit.ope.batch import Batch, Eligible, Floats, Predicted
from bandit.ope.logged import Logged, Slates

TARGET, TARGETS = "target_propensity", "target_probabilities"
BASELINE, BASELINES = "baseline_propensity", "baseline_probabilities"
_ROUNDING = 1e-6
PREDICTIONS = "predictions"


@dataclass(frozen=True, slots=True, eq=False)
class Stated:
    """A batch, and whether its list of eligible artworks holds the log's own probabilities.

    `shown`: whether the list at least tells which artwork was shown.
    """

    batch: Batch
    whole: bool
    shown: bool = False

    def settled(self) -> Batch:
        """The batch as estimators take it: without lists that hold what nobody stated."""
        eligible = self.batch.eligible
        if eligible is None:
            return self.batch
        if not self.whole:
            return replace(self.batch, eligible=None, drawn_from=eligible if self.shown and self._uniform else None)
        if np.isnan(eligible.target).all():
            return replace(self.batch, eligible=None, drawn_from=eligible)
        return self.batch

    @property
    def _uniform(self) -> bool:
        """Whether every row claims 1/K of K artworks: then the whole distribution is claimed, and can be tested."""
        eligible = self.batch.eligible
        return eligible is not None and bool(np.all(np.abs(self.batch.propensity * eligible.counts - 1.0) < _ROUNDING))


def state(logged: Logged) -> Stated:
    """Make a batch of logged rows.

    Its target and baseline are the log's own columns, or lists of them; NaN as the target where there is neither, for
    someone to state it (`bandit.ope.targets`).
    """
    slates = logged.slates
    eligible = None if slates is None else _eligible(logged, slates)
    batch = Batch(
        propensity=logged.propensity,
        target=_stated(logged, TARGET, TARGETS),
        reward=logged.reward,
        viewers=logged.viewers,
        eligible=eligible,
        kept=logged.kept,
        baseline=_stated(logged, BASELINE, BASELINES) if _carries(logged, BASELINE, BASELINES) else None,
        predicted=None,
        decisions=logged.decisions,
        at=logged.at,
        pages=logged.pages,
        positions=logged.positions,
        labels=logged.labels,
        features=logged.features,
        numbers=logged.numbers,
    )
    whole = slates is not None and slates.logged is not None and slates.chosen is not None
    return Stated(batch, whole, shown=slates is not None and slates.chosen is not None)


def carried_predictions(logged: Logged, batch: Batch) -> Batch:
    """The batch with the predictions that its log carries in lists, `predictions`.

    As it is where it carries none, or does not say which artwork was shown.
    """
    slates, eligible = logged.slates, batch.eligible
    if slates is None or slates.chosen is None or eligible is None or PREDICTIONS not in slates.stated:
        return batch
    scores = slates.stated[PREDICTIONS]
    predicted = Predicted(
        shown=scores[eligible.chosen],
        target=eligible.row_sums(eligible.target * scores),
        baseline=None if eligible.baseline is None else eligible.row_sums(eligible.baseline * scores),
    )
    return replace(batch, predicted=predicted)


def _eligible(logged: Logged, slates: Slates) -> Eligible:
    counts = np.diff(slates.starts)
    # Where nobody says what was shown, the first stands for it: only a target that likes all alike can be stated then.
    chosen = slates.starts[:-1] if slates.chosen is None else slates.chosen
    unknown = np.full(len(slates.artworks), np.nan)
    probabilities = slates.logged
    if probabilities is None:
        rest = (1.0 - logged.propensity) / np.maximum(counts - 1, 1)
        probabilities = np.repeat(rest, counts)
        probabilities[chosen] = logged.propensity
    return Eligible(
        starts=slates.starts,
        chosen=chosen,
        artworks=slates.artworks,
        names=slates.names,
        logged=probabilities,
        target=slates.stated.get(TARGETS, unknown),
        baseline=slates.stated.get(BASELINES),
    )


def _carries(logged: Logged, number: str, numbers: str) -> bool:
    return number in logged.stated or (logged.slates is not None and numbers in logged.slates.stated)


def _stated(logged: Logged, number: str, numbers: str) -> Floats:
    if number in logged.stated:
        return logged.stated[number]
    slates = logged.slates
    if slates is None or slates.chosen is None or numbers not in slates.stated:
        return np.full(len(logged), np.nan)
    return slates.stated[numbers][slates.chosen]
