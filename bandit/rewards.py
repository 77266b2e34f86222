"""What a decision's outcomes are worth: quality play, not click. Knows no log, no policy and no clock.

A definition is named and versioned, so a reward always says what it measures. Only `quality_play/1` exists: a play
counts once at least two minutes *and* a tenth of the title were watched; from there it is graded by how much of
the title was watched. A play that was soon abandoned is worth exactly as much as no play.
"""

import math
from collections.abc import Sequence

from bandit.decision import Outcome, OutcomeKind

QUALITY_PLAY = "quality_play/1"
EARNEST_SECONDS = 120.0
EARNEST_SHARE = 0.1
EARNEST_VALUE = 0.5
"""What a play is worth the moment it counts; the other half is earned by completing the title."""

_PLAYS = frozenset({OutcomeKind.PLAYED, OutcomeKind.WATCHED, OutcomeKind.ABANDONED})


def quality(seconds: float, of_seconds: float | None) -> float:
    """Return what watching `seconds` of a title that lasts `of_seconds` is worth, in [0, 1].

    0 below max(120 s, 10 % of the title), then 0.5 + 0.5 × the share watched. A title shorter than two minutes
    counts when watched whole. With an unknown length (None, or not a positive number) two minutes count, ungraded.
    A duration that is negative or not finite is worth 0.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        return 0.0
    if of_seconds is None or not (math.isfinite(of_seconds) and of_seconds > 0):
        return EARNEST_VALUE if seconds >= EARNEST_SECONDS else 0.0
    if seconds < min(of_seconds, max(EARNEST_SECONDS, EARNEST_SHARE * of_seconds)):
        return 0.0
    return EARNEST_VALUE + (1.0 - EARNEST_VALUE) * min(1.0, seconds / of_seconds)


def quality_play(outcomes: Sequence[Outcome], *, runtime_seconds: float | None) -> float | None:
    """Return the reward of one decision under `quality_play/1`, or None when the artwork was never seen (C4).

    `seconds` of an outcome is the time watched so far, so the outcome that is worth most decides: the result depends
    neither on the order of `outcomes` nor on repeats. Every outcome implies that the artwork was seen: nobody
    plays or hovers what was not on screen. An outcome's own `of_seconds` (an episode's length) goes before
    `runtime_seconds`.
    """
    if not outcomes:
        return None
    return max(_worth(outcome, runtime_seconds) for outcome in outcomes)


def _worth(outcome: Outcome, runtime_seconds: float | None) -> float:
    if outcome.kind not in _PLAYS or outcome.seconds is None:
        return 0.0
    return quality(outcome.seconds, runtime_seconds if outcome.of_seconds is None else outcome.of_seconds)
