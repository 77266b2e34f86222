"""Rows that cannot be evaluated, found by rule and named with their numbers. Knows no estimator and no thresholds.

Most faults are a row's own; two are of the log as a whole: decisions that come twice, and two embedding versions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.ope.batch import EMBEDDING_VERSION, Batch, Floats, Integers, Mask
from bandit.ope.diagnosis.numbering import Numbering
from bandit.ope.diagnosis.repeats import Repeats

NAMED_ROWS = 10
_NAMED_VERSIONS = 3
_SUM_TOLERANCE = 1e-6
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A reason instead of a number. `rows` are numbers of rows that show it (from 0, the first ten).

    `bad_input` tells a log that is faulty, or holds nothing, from one that is sound but does not say enough.
    """

    code: str
    message: str
    remedy: str
    rows: tuple[int, ...] = ()
    bad_input: bool = False

    def to_json(self) -> dict[str, Any]:
        """As on the wire."""
        return {"code": self.code, "message": self.message, "remedy": self.remedy, "rows": list(self.rows)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    code: str
    complaint: str
    remedy: str
    finds: Callable[[Batch], Mask]


def _no_probability(values: Floats, *, zero_allowed: bool) -> Mask:
    sound = np.isfinite(values) & (values <= 1.0 + _ROUNDING) & ((values >= 0.0) if zero_allowed else (values > 0.0))
    return ~sound


def _kept(batch: Batch) -> Floats:
    return np.ones(len(batch)) if batch.kept is None else batch.kept


def _no_distribution(batch: Batch, *, target: bool) -> Mask:
    eligible = batch.eligible if target else batch.eligible or batch.drawn_from
    if eligible is None:
        return np.zeros(len(batch), dtype=np.bool_)
    entries = eligible.target if target else eligible.logged
    bad_entries = eligible.row_sums(_no_probability(entries, zero_allowed=True).astype(np.float64)) > 0
    sums = eligible.row_sums(np.nan_to_num(entries))
    return bad_entries | (np.abs(sums - 1.0) > _SUM_TOLERANCE)


def _unknown_artwork(batch: Batch) -> Mask:
    eligible = batch.eligible or batch.drawn_from
    if eligible is None:
        return np.zeros(len(batch), dtype=np.bool_)
    return (eligible.chosen < eligible.starts[:-1]) | (eligible.chosen >= eligible.starts[1:])


_RULES = (
    _Rule(
        code="unknown_artwork",
        complaint="show an artwork that is not among their eligible ones",
        remedy="log every eligible artwork of a row, by the names that are shown",
        finds=_unknown_artwork,
    ),
    _Rule(
        code="propensity_outside_unit",
        complaint="have a logged probability that is missing or outside (0, 1]",
        remedy="log the probability that was drawn from, or leave these rows out and say so",
        finds=lambda batch: _no_probability(batch.propensity, zero_allowed=False),
    ),
    _Rule(
        code="reward_missing",
        complaint="have no finite reward",
        remedy="join rewards first; rows that nobody saw are no rows",
        finds=lambda batch: ~np.isfinite(batch.reward),
    ),
    _Rule(
        code="target_outside_unit",
        complaint="have a target probability that is missing or outside [0, 1]",
        remedy="state the target's probability of the logged artwork",
        finds=lambda batch: _no_probability(batch.target, zero_allowed=True),
    ),
    _Rule(
        code="kept_outside_unit",
        complaint="say that they were logged with a probability that is missing or outside (0, 1]",
        remedy="log the share of pages that was kept in that moment, 1 where all were",
        finds=lambda batch: _no_probability(_kept(batch), zero_allowed=False),
    ),
    _Rule(
        code="target_not_a_distribution",
        complaint="have target probabilities that do not sum to 1 over the eligible artworks",
        remedy="state one probability an eligible artwork, summing to 1",
        finds=lambda batch: _no_distribution(batch, target=True),
    ),
    _Rule(
        code="log_not_a_distribution",
        complaint="have logged probabilities that do not sum to 1 over the eligible artworks",
        remedy="log the whole distribution that was drawn from",
        finds=lambda batch: _no_distribution(batch, target=False),
    ),
)


def _first_rows(batch: Batch, numbers: Integers) -> dict[str, int]:
    """Each embedding version of a batch, and the number of the row that it comes in first, in the order of the rows."""
    labels = batch.labels.get(EMBEDDING_VERSION)
    if labels is None:
        return {}
    codes, rows = np.unique(labels.codes, return_index=True)
    order = np.argsort(rows)
    present: list[int] = codes[order].tolist()
    return {labels.names[code]: row for code, row in zip(present, numbers[rows[order]].tolist(), strict=True)}


@dataclass(frozen=True, slots=True)
class _Found:
    count: int
    rows: tuple[int, ...]


class RowFaults:
    """Finds faulty rows batch by batch; parts of a log add up, the right one's row numbers following the left's."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        self._found: dict[str, _Found] = {}
        self._repeats = Repeats()
        self._versions: dict[str, int] = {}

    @property
    def rows(self) -> int:
        """How many rows were taken in."""
        return self._numbering.rows

    def add(self, batch: Batch) -> Mask:
        """Take in a batch and return which of its rows are sound: (n,)."""
        sound, numbers = np.ones(len(batch), dtype=np.bool_), self._numbering.of(batch)
        for rule in _RULES:
            faulty = rule.finds(batch)
            places = np.flatnonzero(faulty)
            if len(places):
                self._put(rule.code, _Found(len(places), tuple(numbers[places[:NAMED_ROWS]].tolist())))
            sound &= ~faulty
        if batch.decisions is not None:
            self._repeats.add(batch.decisions, numbers=numbers)
        self._note_versions(_first_rows(batch, numbers), later=0)
        return sound

    def __add__(self, other: "RowFaults") -> "RowFaults":
        both = RowFaults()
        both._numbering = self._numbering + other._numbering
        later = self._numbering.later(other._numbering)
        both._found = dict(self._found)
        for code, found in other._found.items():
            both._put(code, _Found(found.count, tuple(row + later for row in found.rows)))
        both._repeats = self._repeats.following(other._repeats, later=later)
        both._versions = dict(self._versions)
        both._note_versions(other._versions, later=later)
        return both

    def refusals(self) -> list[Refusal]:
        """One refusal a kind of fault."""
        by_row = [
            Refusal(
                code=rule.code,
                message=f"{found.count} of {self.rows} rows {rule.complaint}",
                remedy=rule.remedy,
                rows=found.rows,
                bad_input=True,
            )
            for rule in _RULES
            if (found := self._found.get(rule.code))
        ]
        return [*by_row, *self._repeated(), *self._mixed()]

    def _repeated(self) -> list[Refusal]:
        found = self._repeats.found(named=NAMED_ROWS)
        if found is None:
            return []
        counted = "" if found.share == 1.0 else f", judged by {found.share:.3g} of the decisions"
        return [
            Refusal(
                code="duplicated_decisions",
                message=f"{found.count} of {self.rows} rows repeat the decision of an earlier row{counted}",
                remedy="keep one row a decision: the same log may have been given twice",
                rows=found.rows,
                bad_input=True,
            )
        ]

    def _mixed(self) -> list[Refusal]:
        if len(self._versions) < 2:
            return []
        named = ", ".join(f"{version} from row {row}" for version, row in self._versions.items())
        return [
            Refusal(
                code="embedding_versions_mixed",
                message=f"the log holds vectors of more than one embedding version: {named}",
                remedy="evaluate the rows of one version at a time: their vectors mean different things",
                rows=tuple(self._versions.values()),
                bad_input=True,
            )
        ]

    def _note_versions(self, first_rows: Mapping[str, int], *, later: int) -> None:
        for version, row in first_rows.items():
            if len(self._versions) < _NAMED_VERSIONS:
                self._versions.setdefault(version, row + later)

    def _put(self, code: str, found: _Found) -> None:
        known = self._found.get(code, _Found(0, ()))
        self._found[code] = _Found(known.count + found.count, (known.rows + found.rows)[:NAMED_ROWS])
