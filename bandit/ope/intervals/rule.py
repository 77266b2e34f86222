"""The default interval, by a rule that reads the log's own sums. Knows no estimator's formula and no policy.

1. Fewer than 30 rows, or no spread at all: normal, clustered by viewer where viewers repeat.
2. Else one more row is imagined that was not seen: with the heaviest weight and the most telling reward that can be.
   Where that hardly widens the Cressie–Read interval, the log has seen enough: normal or clustered, as in 1.
3. Else rewards are rare or weights heavy. Estimators that weigh rewards and nothing else (IPS, SNIPS) get the
   Cressie–Read interval; others get theirs of 1, widened at each end by as much as the unseen row moves it.

From 30 rows on, the interval to go by keeps a fifth of the risk in reserve: what is called 95 % is made with the
quantile of 96 %. Normal and clustered intervals that are listed beside it are the textbook's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bandit.ope.estimators.estimator import Settled
from bandit.ope.intervals.bounds import Bounds
from bandit.ope.intervals.cressie_read import Likely, cressie_read
from bandit.ope.intervals.interval import Interval, Method, interval_around
from bandit.ope.intervals.quantiles import student_quantile
from bandit.ope.intervals.sequence import anytime_reach
from bandit.ope.terms import Chosen, OfBaseline, One, Term, Weight, WeightedReward

EVIDENCE: tuple[Term, ...] = (One(), Weight(), WeightedReward())
"""The terms whose sums the rule reads beside the estimator's own."""

PAIRED_EVIDENCE: tuple[Term, ...] = (*EVIDENCE, OfBaseline(Weight()), OfBaseline(WeightedReward()))
"""The same for a paired difference of the target and a baseline."""

FEWEST_ROWS = 30
LARGEST_WIDENING = 0.02
"""By how much one unseen row may widen an interval that still goes by what was seen."""
RESERVE = 0.2
"""The share of the risk that is kept for what no formula sees: skewness, and a rule that picks by the data."""
TUNED_AT = 5000.0
"""The effective number of decisions at which the interval for every look is narrowest, in standard errors."""

_CLUSTERED = {
    Method.NORMAL: Method.VIEWER_CLUSTERED,
    Method.CRESSIE_READ: Method.CRESSIE_READ_CLUSTERED,
    Method.WIDENED: Method.WIDENED_CLUSTERED,
    Method.ANYTIME: Method.ANYTIME_CLUSTERED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """All intervals of one estimate, the one to go by first, and the sentence that says why it is that one."""

    intervals: tuple[Interval, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What the rule judges: an estimate whose plain interval is `plain`, and the log's evidence."""

    settled: Settled
    own: Chosen
    evidence: Chosen
    bounds: Bounds
    plain: Interval
    level: float

    @property
    def by_viewer(self) -> bool:
        return self.plain.method is Method.VIEWER_CLUSTERED

    @property
    def pieces(self) -> int:
        return self.own.viewer_pieces if self.by_viewer else self.own.rows

    @property
    def direct(self) -> bool:
        """Whether the estimate is made of nothing but the evidence."""
        return set(self.own.places.tolist()) <= set(self.evidence.places.tolist())

    def likely(self, reach: float) -> Likely:
        return cressie_read(self.evidence, bounds=self.bounds, reach=reach, by_viewer=self.by_viewer)

    @property
    def reach(self) -> float:
        """How many standard errors the plain interval reaches."""
        return student_quantile(self.plain.level, self.pieces - 1)

    def told(self, interval: Interval) -> Interval:
        """The same, under the level that was asked for: the reserve is not promised."""
        return replace(interval, level=self.level)

    def method(self, method: Method) -> Method:
        return _CLUSTERED[method] if self.by_viewer else method


def intervals(settled: Settled, own: Chosen, *, evidence: Chosen, bounds: Bounds, level: float = 0.95) -> Ruling:
    """The intervals of an estimate with sums `own`.

    `evidence` are the sums of `EVIDENCE`, or of `PAIRED_EVIDENCE` where the estimate is a paired difference.

    Raises:
        NotEstimable: fewer than two rows or viewers.
        ValueError: the level is not inside (0, 1).
    """
    plain = _plain(settled, own, level=level)
    clustering = (
        "the rows of one viewer are one piece of evidence"
        if plain.method is Method.VIEWER_CLUSTERED
        else "no viewer has two rows"
    )
    if own.rows < FEWEST_ROWS:
        return Ruling(intervals=(plain,), why=f"{clustering}; fewer than {FEWEST_ROWS} rows tell no more than a spread")
    if plain.high - plain.low <= 1e-12 * max(1.0, abs(settled.value)):
        return Ruling(intervals=(plain,), why="every row says the same: there is no spread")
    asked = 1.0 - (1.0 - level) * (1.0 - RESERVE)
    case = _Case(
        settled=settled, own=own, evidence=evidence, bounds=bounds, plain=_plain(settled, own, level=asked), level=level
    )
    return _ruled(case, clustering, textbook=plain)


def _ruled(case: _Case, clustering: str, *, textbook: Interval) -> Ruling:
    likely = case.likely(case.reach)
    plain, careful = case.told(case.plain), _careful(case, likely)
    telling = (*_others(case), _anytime(case))
    if likely.widening <= LARGEST_WIDENING:
        return Ruling(
            intervals=_each_once(plain, careful, *telling),
            why=f"{clustering}; one more row, as heavy as can be, would widen it by {likely.widening:.1%} only",
        )
    return Ruling(intervals=_each_once(careful, textbook, *telling), why=f"{clustering}; {_hard(likely, case.bounds)}")


def _hard(likely: Likely, bounds: Bounds) -> str:
    known = "that the bounds of weights allow" if bounds.known else "that was seen (no bounds of weights are known)"
    by = f"by {likely.widening:.0%}" if likely.widening < 10.0 else "more than tenfold"
    return f"rewards are rare or weights heavy: one more row with the largest weight {known} would widen it {by}"


def _plain(settled: Settled, own: Chosen, *, level: float, method: Method | None = None) -> Interval:
    around = interval_around(settled.value, gradient=settled.gradient, sums=own, level=level, method=method)
    true = settled.unbiased
    return around if true is None else around.holding(_plain(true, own, level=level, method=method))


def _careful(case: _Case, likely: Likely) -> Interval:
    """Cressie–Read where the estimate is made of the evidence, else the plain one widened by what was not seen."""
    if case.direct:
        return _within(case, likely, ends=likely.ends, method=Method.CRESSIE_READ)
    return _within(case, likely, ends=_moved(case.plain, likely), method=Method.WIDENED)


def _moved(plain: Interval, likely: Likely) -> tuple[float, float]:
    """The plain interval with each end moved as far as the unseen row moves it; to ±∞ where that knows no end."""
    (low, high), (seen_low, seen_high) = likely.ends, likely.seen
    return (
        plain.low - (seen_low - low) if np.isfinite(low) else low,
        plain.high + (high - seen_high) if np.isfinite(high) else high,
    )


def _within(case: _Case, likely: Likely, *, ends: tuple[float, float], method: Method) -> Interval:
    """An interval with these ends, inside what is possible, that holds the estimate."""
    low, high = max(ends[0], likely.possible[0]), min(ends[1], likely.possible[1])
    cut = Interval(method=case.method(method), low=low, high=high, level=case.level)
    return cut.around(case.settled.value)


def _others(case: _Case) -> Iterator[Interval]:
    """By row beside by viewer, for those who would see what clustering does."""
    if case.by_viewer:
        yield _plain(case.settled, case.own, level=case.level, method=Method.NORMAL)


def _anytime(case: _Case) -> Interval:
    """The interval that holds at every look, however often somebody looks."""
    effective = _effective_rows(case)
    reach = float(anytime_reach(np.array(effective), risk=1.0 - case.level, buckets=case.pieces, tuned_at=TUNED_AT))
    likely = case.likely(reach)
    if case.direct:
        return _within(case, likely, ends=likely.ends, method=Method.ANYTIME)
    stretch = reach / case.reach
    middle = (case.plain.low + case.plain.high) / 2.0
    half = stretch * (case.plain.high - case.plain.low) / 2.0
    wide = replace(case.plain, low=middle - half, high=middle + half)
    return _within(case, likely, ends=_moved(wide, likely), method=Method.ANYTIME)


def _effective_rows(case: _Case) -> float:
    """As many independent rows as these are worth: rows over their design effect, the clock of the sequence."""
    if not case.by_viewer:
        return float(case.own.rows)
    by_row, by_viewer = (case.own.row_spread(case.settled.gradient), case.own.viewer_spread(case.settled.gradient))
    return case.own.rows * min((by_row / by_viewer) ** 2, 1.0) if by_viewer > 0.0 else float(case.own.rows)


def _each_once(*found: Interval) -> tuple[Interval, ...]:
    return tuple({interval.method: interval for interval in reversed(found)}.values())[::-1]
