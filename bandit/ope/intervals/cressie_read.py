"""The Cressie–Read interval of a policy's value, or of a paired difference, by row or by viewer. Knows no estimator.

It reads the sums of `bandit.ope.intervals.rule.EVIDENCE` or `PAIRED_EVIDENCE` and nothing else: mean weights are 1 if
propensities are true, which pins down more than the rows' rewards alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.intervals.bounds import Bounds, Range
from bandit.ope.intervals.likelihood import Moments, Question, lowest
from bandit.ope.terms import Chosen

SHORT_BY = 2.0
"""Standard errors by which a mean weight must miss 1 before weights that were never seen are reckoned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """What the value can be: `ends` with the piece that was not seen, `seen` without it; ±∞ where it can be anything.

    `possible` are the smallest and the largest value that rewards allow at all; no end has been cut off there.
    """

    ends: Range
    seen: Range
    possible: Range

    @property
    def widening(self) -> float:
        """How much wider the unseen piece makes it: 0 not at all, ∞ where what was seen has no width or no end."""
        seen = self.seen[1] - self.seen[0]
        return (self.ends[1] - self.ends[0]) / seen - 1.0 if 0.0 < seen < math.inf else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """As how many rows one counts whose viewer's others say the same, 1 to the rows of an average viewer.

    `weights` is the design effect of mean weights (Kish 1965, section 5.4): so many rows share an extreme weight.
    `rewards` is as far as their rewards together may stray, in rows at the end of the range: 2 √(h d), two standard
    deviations of the sum of h rows with a design effect of d, and no farther than all of them could.
    """

    weights: float = 1.0
    rewards: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Log:
    moments: Moments
    hanging: Hanging
    bounds: Bounds

    @property
    def paired(self) -> bool:
        return len(self.moments.totals) > 3


def cressie_read(evidence: Chosen, *, bounds: Bounds, reach: float, by_viewer: bool) -> Likely:
    """What the value, or the difference, can be within `reach` standard errors.

    Lowest and highest are each taken over every unseen row that `bounds` allow. By viewer the unseen piece is an
    average viewer with as many such rows as rows of one viewer hang together (`hanging`).
    """
    log = _Log(
        moments=_moments(evidence, by_viewer), hanging=hanging(evidence) if by_viewer else Hanging(), bounds=bounds
    )
    low, seen_low = _end(log, sign=1.0, reach=reach)
    high, seen_high = _end(log, sign=-1.0, reach=reach)
    span = bounds.reward[1] - bounds.reward[0]
    return Likely(
        ends=(low, -high),
        seen=(seen_low, -seen_high),
        possible=(-span, span) if log.paired else bounds.reward,
    )


def hanging(evidence: Chosen) -> Hanging:
    """How much the rows of one viewer say the same, from the spread by viewer over that by row."""
    totals, rows, viewers = evidence.totals, evidence.row_gram(), evidence.viewer_gram()
    most = max(evidence.rows / evidence.viewer_pieces, 1.0)

    def effect(numerator: int, denominator: int) -> float:
        gradient = np.zeros(len(totals))
        gradient[numerator] = 1.0
        gradient[denominator] -= totals[numerator] / totals[denominator] if totals[denominator] else 0.0
        by_row = float(gradient @ rows @ gradient)
        found = float(gradient @ viewers @ gradient) / by_row if by_row > 0.0 else 1.0
        return min(max(found, 1.0), most)

    sides = range(1, len(totals), 2)
    weights, rewards = max(effect(side, 0) for side in sides), max(effect(side + 1, side) for side in sides)
    return Hanging(weights=weights, rewards=min(2.0 * math.sqrt(weights * rewards), max(weights, rewards)))


def _moments(evidence: Chosen, by_viewer: bool) -> Moments:
    gram = evidence.viewer_gram() if by_viewer else evidence.row_gram()
    pieces = evidence.viewer_pieces if by_viewer else evidence.rows
    return Moments(pieces=pieces, totals=evidence.totals, gram=gram)


def _end(log: _Log, *, sign: float, reach: float) -> tuple[float, float]:
    """The lowest value of `sign` times what is asked, with an unseen piece and without."""
    question = _asked(len(log.moments.totals), sign)
    seen = lowest(log.moments, question, reach=reach)
    found = [seen]
    for piece in _unseen(log):
        with_piece = log.moments.with_piece(piece)
        found.append(lowest(with_piece, question, reach=reach))
        found.extend(lowest(with_piece, free, reach=reach) for free in _without_bounds(log, question, sign))
    return min(found), seen


def _asked(width: int, sign: float) -> Question:
    numerator, denominator, zero = np.zeros(width), np.zeros(width), np.zeros((width // 2, width))
    denominator[0] = 1.0
    for side, weight in enumerate(range(1, width, 2)):
        zero[side, [0, weight]] = -1.0, 1.0
        numerator[weight + 1] = sign if side == 0 else -sign
    return Question(numerator=numerator, denominator=denominator, zero=zero)


def _unseen(log: _Log) -> Iterator[Floats]:
    """Pieces that were not seen, (k,) each: an average one in which the hanging rows are as bounds allow at most."""
    totals, hanging = log.moments.totals, log.hanging
    average = totals / log.moments.pieces
    row = average / average[0]
    ordinary = [totals[side + 1] / totals[side] if totals[side] else 0.0 for side in range(1, len(totals), 2)]
    for weights in _unseen_weights(log):
        for reward in log.bounds.reward:
            piece = average - hanging.weights * row
            piece[0] = average[0]
            piece[1::2] += hanging.weights * np.array(weights)
            for side, (weight, mean) in enumerate(zip(weights, ordinary, strict=True)):
                piece[2 * side + 2] += weight * (hanging.weights * mean + hanging.rewards * (reward - mean))
            yield piece


def _unseen_weights(log: _Log) -> set[tuple[float, ...]]:
    """Weights of the rows that were not seen: as heavy as can be, as heavy as were seen, and as light as can be.

    Compared policies have those of the rows on which they differed most: made up ones might meet no condition.
    """
    bounds = log.bounds
    heaviest = bounds.weight[1] if bounds.known else bounds.heaviest
    if not log.paired:
        return {(heaviest,), (bounds.heaviest,), (bounds.weight[0],)}
    heavier = max(1.0, heaviest / bounds.heaviest) if bounds.heaviest else 1.0
    return {(scale * pair[0], scale * pair[1]) for pair in bounds.apart for scale in (1.0, heavier)}


def _without_bounds(log: _Log, question: Question, sign: float) -> Iterator[Question]:
    """The question where weights may be anything, for sides whose mean weight says that heavy ones were never seen.

    A vanishing share of pieces may then carry all the weight that is missing, at the worst reward: a condition less,
    and the reward moves into what is asked.
    """
    if log.bounds.known:
        return
    for side, zero in enumerate(question.zero):
        if not _short(log.moments, zero):
            continue
        low, high = log.bounds.reward
        lowest_first = (sign > 0.0) == (side == 0)
        carried = (low if lowest_first else high) * (sign if side == 0 else -sign)
        kept = np.delete(question.zero, side, axis=0)
        yield Question(numerator=question.numerator - carried * zero, denominator=question.denominator, zero=kept)


def _short(moments: Moments, zero: Floats) -> bool:
    """Whether a mean weight is below 1 by more than chance."""
    total = float(zero @ moments.totals)
    spread = float(zero @ moments.gram @ zero) - total**2 / moments.pieces
    return total < -SHORT_BY * math.sqrt(max(spread, 0.0))
