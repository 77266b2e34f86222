"""What the decisions of many pages are worth: columns of outcomes in, states and rewards out. Knows no log.

A decision here is a number: decisions are counted through, page after page, slot after slot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bandit.rewards import REWARDS, Seconds

DEFINITIONS = tuple(REWARDS)


class SlotState(IntEnum):
    """What is known of a decision. Without an outcome it is open, and unseen once its window has ended (C4)."""

    UNSEEN = 0
    DEFAULTED = 1
    REWARDED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeColumns:
    """Outcomes that count, shape (n,) each: whose they are, whether they tell of a play, how long, of how much."""

    decision: NDArray[np.int64]
    played: NDArray[np.bool_]
    seconds: Seconds
    of_seconds: Seconds


@dataclass(frozen=True, slots=True)
class Valued:
    """The state of every decision, and the rewards of those that were played under all of `DEFINITIONS`.

    `states` is (decisions,), int8; `played` are the numbers of rewarded decisions, ascending, shape (k,); `values` is
    (k, definitions), float64, in [0, 1]. A defaulted decision is worth 0 under each, an unseen one has no reward.
    """

    states: NDArray[np.int8]
    played: NDArray[np.int64]
    values: NDArray[np.float64]


Runtimes = Callable[[NDArray[np.int64]], Seconds]
"""Says how long the titles of some decisions last, NaN where that is unknown."""


def value_decisions(outcomes: OutcomeColumns, *, count: int, runtimes: Runtimes) -> Valued:
    """Value `count` decisions; the best of its plays decides what one is worth, so order and repeats change nothing."""
    states = np.zeros(count, dtype=np.int8)
    states[outcomes.decision] = SlotState.DEFAULTED
    plays = np.flatnonzero(outcomes.played)
    played, place = np.unique(outcomes.decision[plays], return_inverse=True)
    states[played] = SlotState.REWARDED
    own = outcomes.of_seconds[plays]
    of_seconds = np.where(np.isnan(own), runtimes(played)[place], own)
    values = np.zeros((len(played), len(DEFINITIONS)))
    for column, definition in enumerate(REWARDS.values()):
        np.maximum.at(values[:, column], place, definition.worths(outcomes.seconds[plays], of_seconds))
    return Valued(states, played, values)
