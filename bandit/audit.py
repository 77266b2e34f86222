"""How well the features of a policy tell an attribute of viewers, such as one that must not count (C10). Keeps nothing.

Features that were never meant to say who someone is may do so together. What is measured is what a policy could use:
a linear rule over the columns that it looks at, tried on viewers whom the rule did not see.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bandit.errors import BanditError

Floats = NDArray[np.float64]

LEAST_VIEWERS = 20
"""Of each value: with fewer, no interval means anything."""
MOST_VALUES = 20
FOLDS = 5
_RIDGE = 1.0


class UnfitAttribute(BanditError):
    """An attribute that cannot be audited: too few viewers of a value, one value only, or far too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictability:
    """How well one value is told from all others: `auc` is the chance that one of its viewers scores above another's.

    0.5 is a coin. `low` to `high` holds the truth at the audit's level, for all values at once.
    """

    value: str
    viewers: int
    auc: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the features tell of an attribute.

    `balanced_accuracy` is the mean over values of the share of its viewers who are recognised, `chance` what guessing
    gives. `groups` holds the balanced accuracy with the columns of one group of features alone.
    """

    viewers: int
    level: float
    values: tuple[Predictability, ...]
    balanced_accuracy: float
    groups: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def chance(self) -> float:
        """What guessing gives as balanced accuracy."""
        return 1.0 / len(self.values)

    @property
    def predicts(self) -> bool:
        """Whether some value is told from the others better than by chance, beyond doubt at this level."""
        return any(each.low > 0.5 for each in self.values)


def audit(
    rows: NDArray[np.floating[Any]],
    values: Sequence[str],
    *,
    groups: Mapping[str, range] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Audit:
    """Measure how well `rows` (n, d), one a viewer, tell the attribute whose value each viewer has.

    A ridge regression on the values, each value weighing the same, scores every viewer by what four fifths of the
    others teach. AUC with DeLong's interval (1988) at `level`, divided among the values (Bonferroni). Same input and
    seed: same result.

    Raises:
        UnfitAttribute: see there; the message names the value.
        ValueError: rows and values do not fit, or a row is not finite.
    """
    if rows.ndim != 2 or len(rows) != len(values) or not np.isfinite(rows).all():
        raise ValueError("rows must be finite, (viewers, columns), one for each value")
    names = _checked(values)
    codes = np.array([names.index(value) for value in values])
    folds = _folds(codes, np.random.default_rng(seed))
    scores = _scores(rows.astype(np.float64), codes, folds)
    each_level = 1 - (1 - level) / len(names)
    return Audit(
        viewers=len(rows),
        level=level,
        values=tuple(
            _told(scores[:, place], codes == place, name=name, level=each_level) for place, name in enumerate(names)
        ),
        balanced_accuracy=_balanced_accuracy(scores, codes),
        groups={
            name: _balanced_accuracy(_scores(rows[:, columns].astype(np.float64), codes, folds), codes)
            for name, columns in (groups or {}).items()
            if len(columns)
        },
    )


def _checked(values: Sequence[str]) -> list[str]:
    counts = Counter(values)
    if not 2 <= len(counts) <= MOST_VALUES:
        raise UnfitAttribute(
            f"the attribute has {len(counts)} values among these viewers; it needs 2 to {MOST_VALUES}: group them first"
        )
    rare, viewers = min(counts.items(), key=lambda item: (item[1], item[0]))
    if viewers < LEAST_VIEWERS:
        raise UnfitAttribute(
            f"the value {rare!r} has {viewers} viewers with decisions, at least {LEAST_VIEWERS} are needed: "
            "bring more viewers, or group the value with another"
        )
    return sorted(counts)


def _folds(codes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold for every viewer, each value spread evenly over the folds."""
    folds = np.empty(len(codes), dtype=np.int64)
    for code in np.unique(codes):
        members = rng.permutation(np.flatnonzero(codes == code))
        folds[members] = np.arange(len(members)) % FOLDS
    return folds


def _scores(rows: Floats, codes: NDArray[np.int64], folds: NDArray[np.int64]) -> Floats:
    """How much each viewer looks like each value (n, values), told by rules that did not see the viewer."""
    scores = np.empty((len(rows), codes.max() + 1))
    for fold in range(FOLDS):
        unseen = folds == fold
        scores[unseen] = _rule(rows[~unseen], codes[~unseen], rows[unseen])
    return scores


def _rule(rows: Floats, codes: NDArray[np.int64], unseen: Floats) -> Floats:
    """Ridge regression on standardized columns; a column that never changes has no say."""
    targets = np.eye(codes.max() + 1)[codes]
    weights = (1.0 / targets.sum(axis=0))[codes] * len(rows) / targets.shape[1]
    mean = np.average(rows, axis=0, weights=weights)
    spread = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    known = (rows - mean) * scale
    gram = known.T @ (known * weights[:, None]) + _RIDGE * np.eye(rows.shape[1])
    moments = known.T @ ((targets - 1 / targets.shape[1]) * weights[:, None])
    slopes = cast(Floats, np.linalg.solve(gram, moments))
    return (unseen - mean) * scale @ slopes


def _balanced_accuracy(scores: Floats, codes: NDArray[np.int64]) -> float:
    right = scores.argmax(axis=1) == codes
    return float(np.mean([right[codes == code].mean() for code in range(scores.shape[1])]))


def _told(scores: Floats, members: NDArray[np.bool_], *, name: str, level: float) -> Predictability:
    """The area under the ROC curve, with the variance of DeLong, DeLong & Clarke-Pearson (1988), eq. 5–8."""
    ranks = _midranks(scores)
    ours, others = int(members.sum()), int((~members).sum())
    above = (ranks[members] - _midranks(scores[members])) / others
    below = 1 - (ranks[~members] - _midranks(scores[~members])) / ours
    auc = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / ours + below.var(ddof=1) / others))
    reach = NormalDist().inv_cdf(0.5 + level / 2) * error
    return Predictability(value=name, viewers=ours, auc=auc, low=max(0.0, auc - reach), high=min(1.0, auc + reach))


def _midranks(scores: Floats) -> Floats:
    """Ranks from 1; equal scores share the mean of theirs."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[places]
