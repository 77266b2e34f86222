"""How much log a question needs, and what exploring costs and buys: read from the log that there is. Decides nothing.

A difference of δ is found with probability `power` where its interval at `level` reaches no further than it: by
n · ((z_level + z_power) · e / δ)² rows, for a standard error e on n rows (clustered by viewer). It takes for granted
that further rows are like those of the log: as many of a viewer, the same rewards, the same weights.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, final

import numpy as np

from bandit.ope.batch import Batch, Eligible, Floats
from bandit.ope.diagnosis.diagnostics import DIAGNOSED, Diagnostics
from bandit.ope.diagnosis.faults import Refusal, RowFaults
from bandit.ope.diagnosis.verdict import refusals
from bandit.ope.intervals.interval import NotEstimable, default_method, interval_around, standard_error
from bandit.ope.intervals.quantiles import normal_quantile
from bandit.ope.terms import OfUniform, One, Reward, Term, TermSums, Weight, WeightedReward

LIFTS: Final = (0.005, 0.01, 0.02, 0.05, 0.1)
SHARES: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
FEWEST_ROWS: Final = 30
_DAY: Final = 86_400_000_000


@final
@dataclass(frozen=True)
class OfFavourite(Term):
    """Another term with the artwork in the target's place that the log shows most probably in the row; ties share."""

    term: Term

    def of(self, batch: Batch) -> Floats:
        """See `Term.of`; 0 in batches that do not know the eligible artworks."""
        eligible = batch.eligible
        if eligible is None:
            return np.zeros(len(batch))
        target = _favourites(eligible)[eligible.chosen]
        return self.term.of(
            Batch(propensity=batch.propensity, target=target, reward=batch.reward, viewers=batch.viewers)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """From which relative `lift` on a difference matters, at which `level` and with which `power` it shall be found."""

    lift: float = 0.01
    level: float = 0.95
    power: float = 0.8

    def reach(self) -> float:
        """How many standard errors a difference must be away from none."""
        return normal_quantile(self.level) + normal_quantile(2.0 * self.power - 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """A mean reward a decision, or a difference of two, with its interval and standard error."""

    value: float
    low: float
    high: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """How many decisions find a relative `lift`, which is a `difference`: in all, beyond the log, and days for these.

    `days` is None where the log knows no times.
    """

    lift: float
    difference: float
    rows: float
    more: float
    days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What showing a further `share` of decisions at random would cost and buy.

    `lost` is what it takes from a decision's mean reward, `lost_part` the same as a part of it; None where the log
    never showed some artworks, whose worth nobody knows. `rows_factor` is how
    many times the rows the question then needs; None where the target shows what the log never could.
    """

    share: float
    lost: float | None
    lost_part: float | None
    rows_factor: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What can be said ahead of time. `exploring` is what the log's favourites would have earned more.

    `target` and `difference` (to what was logged) are None where the log does not hold the target; `uniform`,
    `exploring` and `prices` need the eligible artworks. `off_policy` is needed to find the target's lift in a log like
    this one, `online` in an experiment of two equal cells, `seen_now` the lift that this log finds.
    """

    rows: int
    viewers: int | None
    days: float | None
    logged: Worth
    target: Worth | None
    difference: Worth | None
    uniform: Worth | None
    exploring: Worth | None
    seen_now: float | None
    off_policy: tuple[Need, ...]
    online: tuple[Need, ...]
    prices: tuple[Price, ...]

    def to_json(self) -> dict[str, Any]:
        """As `keyart plan --json` prints it."""
        return asdict(self)


@dataclass(eq=False)
class Planner:
    """Takes a log in batches, or in parts that are added up; see `Evaluator`."""

    faults: RowFaults = field(default_factory=RowFaults)
    _sums: TermSums = field(default_factory=lambda: TermSums(_TERMS))
    _counts: Diagnostics = field(default_factory=Diagnostics)
    _squares: Floats = field(default_factory=lambda: np.zeros(len(SHARES)))
    _listed: int = 0
    _first: int | None = None
    _last: int | None = None

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch with the target's probabilities; faulty ones are named, not summed.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
        """
        sound = self.faults.add(batch)
        rows = batch if sound.all() else batch.select(sound)
        self._sums.add(rows)
        self._counts.add(rows)
        if rows.eligible is not None:
            self._listed += len(rows)
            self._squares += [float(_square(rows.eligible, share) @ rows.stands_for) for share in SHARES]
        if rows.at is not None and len(rows):
            self._note(int(rows.at.min()), int(rows.at.max()))

    def __add__(self, other: "Planner") -> "Planner":
        both = Planner(
            self.faults + other.faults,
            self._sums + other._sums,
            self._counts + other._counts,
            self._squares + other._squares,
        )
        both._listed = self._listed + other._listed
        for part in (self, other):
            if part._first is not None and part._last is not None:
                both._note(part._first, part._last)
        return both

    def refusals(self) -> list[Refusal]:
        """Why nothing can be planned on this log; empty where something can."""
        found = self.faults.refusals()
        if not found and self._sums.sums.rows < FEWEST_ROWS:
            message = f"{self._sums.sums.rows} rows tell no spread to plan with"
            found = [Refusal(code="too_few_rows", message=message, remedy=f"log {FEWEST_ROWS} at least")]
        if not found and not self._sums.of([Reward()]).totals[0] > 0:
            message = "no row has a reward: nothing tells how rewards vary"
            found = [Refusal(code="no_rewards", message=message, remedy="check the joins, or log longer")]
        return found or [one for one in self._doubts() if one.code not in _PLANNED_ALL_THE_SAME]

    def _doubts(self) -> list[Refusal]:
        """Why an evaluation of these rows would tell no number."""
        return refusals(self._counts.over(self._sums))

    def plan(self, question: Question) -> Plan:
        """What the log says ahead of time; ask only where there are no refusals."""
        logged = self._ratio(_LOGGED, question)
        listed = self._listed == self._sums.sums.rows
        held = all(one.code != _NOT_HELD for one in self._doubts())
        difference = self._less(_TARGET, question) if held else None
        return Plan(
            rows=self._sums.sums.rows,
            viewers=self._sums.sums.viewer_pieces or None,
            days=self._days(),
            logged=logged,
            target=self._ratio(_TARGET, question) if difference else None,
            difference=difference,
            uniform=self._uniform(question) if listed else None,
            exploring=self._less(_FAVOURITE, question) if listed else None,
            seen_now=question.reach() * difference.error / logged.value if difference else None,
            off_policy=self._needs(question, logged, error=difference.error) if difference else (),
            # Each of two cells of n / 2 rows has twice the variance of the whole: the difference has four times.
            online=self._needs(question, logged, error=2.0 * logged.error),
            prices=self._prices(question, logged) if listed else (),
        )

    def _needs(self, question: Question, logged: Worth, *, error: float) -> tuple[Need, ...]:
        rows, days = self._sums.sums.rows, self._days()
        found: list[Need] = []
        for lift in sorted({*LIFTS, question.lift}):
            difference = lift * logged.value
            needed = rows * (question.reach() * error / difference) ** 2
            more = max(0.0, needed - rows)
            found.append(
                Need(
                    lift=lift,
                    difference=difference,
                    rows=needed,
                    more=more,
                    days=None if days is None else more / rows * days,
                )
            )
        return tuple(found)

    def _prices(self, question: Question, logged: Worth) -> tuple[Price, ...]:
        uniform = self._uniform(question)
        loss = None if uniform is None else logged.value - uniform.value
        now = float(self._squares[0])
        return tuple(
            Price(
                share=share,
                lost=None if loss is None else share * loss,
                lost_part=None if loss is None else share * loss / logged.value,
                rows_factor=square / now if np.isfinite(square) and np.isfinite(now) else None,
            )
            for share, square in zip(SHARES, self._squares.tolist(), strict=True)
        )

    def _uniform(self, question: Question) -> Worth | None:
        """What uniform would earn; None where some artworks were never shown."""
        return None if self._counts.support.never_logged else self._ratio(_UNIFORM, question)

    def _ratio(self, terms: Sequence[Term], question: Question) -> Worth:
        """Σ over / Σ under of two terms."""
        chosen = self._sums.of(terms)
        over, under = chosen.totals.tolist()
        value = over / under
        return self._worth(terms, value, np.array([1.0, -value]) / under, question)

    def _less(self, terms: Sequence[Term], question: Question) -> Worth | None:
        """What a target earns more than what was logged, on the same rows; None where no row agrees with it."""
        both = [*terms, *_LOGGED]
        over, under, rewards, rows = self._sums.of(both).totals.tolist()
        if not under > 0:
            return None
        theirs, ours = over / under, rewards / rows
        gradient = np.array([1.0 / under, -theirs / under, -1.0 / rows, ours / rows])
        try:
            return self._worth(both, theirs - ours, gradient, question)
        except NotEstimable:
            return None

    def _worth(self, terms: Sequence[Term], value: float, gradient: Floats, question: Question) -> Worth:
        chosen = self._sums.of(terms)
        found = interval_around(value, gradient=gradient, sums=chosen, level=question.level, method=None)
        error = standard_error(gradient, sums=chosen, method=default_method(chosen))
        return Worth(value=value, low=found.low, high=found.high, error=error)

    def _days(self) -> float | None:
        if self._first is None or self._last is None or self._last == self._first:
            return None
        return (self._last - self._first) / _DAY

    def _note(self, first: int, last: int) -> None:
        self._first = first if self._first is None else min(self._first, first)
        self._last = last if self._last is None else max(self._last, last)


_NOT_HELD = "unsupported_target"
_PLANNED_ALL_THE_SAME = {_NOT_HELD, "no_overlap", "no_rewards_of_target", "too_few_rewarded_rows"}
"""What a longer log, or one with more exploration, may mend: that is what a plan is asked for."""

_LOGGED = (Reward(), One())
_TARGET = (WeightedReward(), Weight())
_UNIFORM = (OfUniform(WeightedReward()), OfUniform(Weight()))
_FAVOURITE = (OfFavourite(WeightedReward()), OfFavourite(Weight()))
_TERMS = tuple(dict.fromkeys([*_LOGGED, *_TARGET, *_UNIFORM, *_FAVOURITE, *DIAGNOSED]))


def _favourites(eligible: Eligible) -> Floats:
    """For each entry (m,) its part of the row's most probable ones."""
    most = np.maximum.reduceat(eligible.logged, eligible.starts[:-1]) if len(eligible.chosen) else np.zeros(0)
    top = np.asarray(eligible.logged >= np.repeat(most, eligible.counts) * (1.0 - 1e-12), dtype=np.float64)
    return top / np.repeat(eligible.row_sums(top), eligible.counts)


def _square(eligible: Eligible, share: float) -> Floats:
    """Σ_a π(a)² / p(a) of each row (n,), with p mixed with a share of uniform: the mean square of the weights."""
    uniform = np.repeat(1.0 / eligible.counts, eligible.counts)
    mixed = (1.0 - share) * eligible.logged + share * uniform
    needed = eligible.target > 0
    squares = np.zeros(len(mixed))
    with np.errstate(divide="ignore"):
        squares[needed] = eligible.target[needed] ** 2 / mixed[needed]
    return eligible.row_sums(squares)
