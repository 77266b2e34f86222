"""What a decision's outcomes are worth, under named definitions. Knows no log, no policy and no clock.

A definition is named and versioned, so a reward always says what it measures; another grading is another name, never
a change of this one. Every definition rates single outcomes and takes the best, so neither the order of outcomes nor
repeats change a reward, and a later outcome can only raise it. `bandit.valuing` does the same for many pages at once.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bandit.decision import Outcome, OutcomeKind, Page, Slot
from bandit.errors import BanditError

QUALITY_PLAY = "quality_play/1"
TAKE = "take/1"
WATCH_SHARE = "watch_share/1"

EARNEST_SECONDS = 120.0
EARNEST_SHARE = 0.1
EARNEST_VALUE = 0.5
"""What a play is worth the moment it counts; the other half is earned by completing the title."""

NOMINAL_SECONDS = 5400.0
"""What a title of unknown length is taken to last where a share of it is asked for."""

PLAYS = frozenset({OutcomeKind.PLAYED, OutcomeKind.WATCHED, OutcomeKind.ABANDONED})
"""The outcomes that tell of a play; without one, a decision that was seen has the default reward, 0."""

Seconds = NDArray[np.float64]
"""Durations of many outcomes, NaN where one is unknown."""


class UnknownReward(BanditError):
    """No reward definition has this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardDefinition:
    """What a play is worth: `worth(seconds watched, seconds of the title)` in [0, 1]; either may be None (unknown).

    `worths` says the same of many plays at once, to the bit: two arrays of one shape in, one out.
    """

    name: str
    version: int
    purpose: str
    worth: Callable[[float | None, float | None], float]
    worths: Callable[[Seconds, Seconds], NDArray[np.float64]]

    @property
    def key(self) -> str:
        """How rewards, settings and manifests call it: name/version."""
        return f"{self.name}/{self.version}"

    def value(self, outcomes: Sequence[Outcome], *, runtime_seconds: float | None) -> float | None:
        """Return the reward of one decision in [0, 1], or None when the artwork was never seen (C4).

        `seconds` of an outcome is the time watched so far, so the outcome that is worth most decides. Every outcome
        implies that the artwork was seen: nobody plays or hovers what was not on screen. An outcome's own
        `of_seconds` (an episode's length) goes before `runtime_seconds`.
        """
        if not outcomes:
            return None
        return max(self._worth(outcome, runtime_seconds) for outcome in outcomes)

    def _worth(self, outcome: Outcome, runtime_seconds: float | None) -> float:
        if outcome.kind not in PLAYS:
            return 0.0
        return self.worth(outcome.seconds, runtime_seconds if outcome.of_seconds is None else outcome.of_seconds)


@dataclass(frozen=True, slots=True)
class ValuedDecision:
    """A slot of a page that was seen, and what it is worth: reward in [0, 1] by definition."""

    page: Page
    slot: int
    values: Mapping[str, float]

    @property
    def decision(self) -> Slot:
        """The slot that the rewards belong to."""
        return self.page.slots[self.slot]


@dataclass(frozen=True, slots=True)
class RewardWindows:
    """How long decisions wait for their outcomes: `default`, or what `by_row` says of the kind of row of their page.

    A window of zero: nothing is too late, and a reward is final as soon as it is known.
    """

    default: timedelta = timedelta(0)
    by_row: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])

    def of(self, row: str | None) -> timedelta:
        """The window of a kind of row; pages that name none have the default."""
        return self.default if row is None else self.by_row.get(row, self.default)

    def ends(self, at: datetime, row: str | None) -> datetime | None:
        """When the window of a page that was decided at a time ends; None where nothing is too late."""
        window = self.of(row)
        return at + window if window else None

    @property
    def longest(self) -> timedelta:
        """After this long no window is open."""
        return max((self.default, *self.by_row.values()))


def quality(seconds: float | None, of_seconds: float | None) -> float:
    """Return what watching `seconds` of a title that lasts `of_seconds` is worth, in [0, 1].

    0 below max(120 s, 10 % of the title), then 0.5 + 0.5 × the share watched. A title shorter than two minutes
    counts when watched whole. With an unknown length (None, or not a positive number) two minutes count, ungraded.
    A duration that is unknown, negative or not finite is worth 0.
    """
    watched, whole = _sound(seconds), _sound(of_seconds)
    if not whole:
        return EARNEST_VALUE if watched >= EARNEST_SECONDS else 0.0
    if not watched or watched < min(whole, max(EARNEST_SECONDS, EARNEST_SHARE * whole)):
        return 0.0
    return EARNEST_VALUE + (1.0 - EARNEST_VALUE) * min(1.0, watched / whole)


def take(seconds: float | None, of_seconds: float | None) -> float:
    """Return 1: a play began, however it went on."""
    return 1.0


def watch_share(seconds: float | None, of_seconds: float | None) -> float:
    """Return the share of the title that was watched, in [0, 1].

    A title of unknown length is taken to last 90 minutes: a play of it must not vanish from the log, as None would make
    it. A duration that is unknown, negative or not finite is worth 0.
    """
    return min(1.0, _sound(seconds) / (_sound(of_seconds) or NOMINAL_SECONDS))


def _sound(seconds: float | None) -> float:
    """A duration that is one, else 0."""
    return seconds if seconds is not None and math.isfinite(seconds) and seconds > 0 else 0.0


def qualities(seconds: Seconds, of_seconds: Seconds) -> NDArray[np.float64]:
    """`quality` of many plays, shape (n,)."""
    watched, whole = _all_sound(seconds), _all_sound(of_seconds)
    earnest = np.minimum(whole, np.maximum(EARNEST_SECONDS, EARNEST_SHARE * whole))
    share = np.minimum(watched, whole) / np.where(whole > 0, whole, 1.0)
    graded = EARNEST_VALUE + (1.0 - EARNEST_VALUE) * share
    known = np.where((watched > 0) & (watched >= earnest), graded, 0.0)
    return np.where(whole > 0, known, np.where(watched >= EARNEST_SECONDS, EARNEST_VALUE, 0.0))


def takes(seconds: Seconds, of_seconds: Seconds) -> NDArray[np.float64]:
    """`take` of many plays, shape (n,)."""
    return np.ones(len(seconds))


def watch_shares(seconds: Seconds, of_seconds: Seconds) -> NDArray[np.float64]:
    """`watch_share` of many plays, shape (n,)."""
    whole = _all_sound(of_seconds)
    lasting = np.where(whole > 0, whole, NOMINAL_SECONDS)
    return np.minimum(_all_sound(seconds), lasting) / lasting


def _all_sound(seconds: Seconds) -> NDArray[np.float64]:
    return np.where(np.isfinite(seconds) & (seconds > 0), seconds, 0.0)


_DEFINITIONS = (
    RewardDefinition(
        name="quality_play",
        version=1,
        purpose="Plays in earnest: nothing below max(120 s, 10 %), then half, and the other half by completion.",
        worth=quality,
        worths=qualities,
    ),
    RewardDefinition(
        name="take",
        version=1,
        purpose="Plays that began, however soon they ended: for comparison with click rates; it rewards bait.",
        worth=take,
        worths=takes,
    ),
    RewardDefinition(
        name="watch_share",
        version=1,
        purpose="The share of the title that was watched: no step where a play begins to count.",
        worth=watch_share,
        worths=watch_shares,
    ),
)

REWARDS: Mapping[str, RewardDefinition] = MappingProxyType({each.key: each for each in _DEFINITIONS})
"""Every definition by its key; each decision that was seen has a reward under each."""


def reward_definition(key: str) -> RewardDefinition:
    """Look a definition up.

    Raises:
        UnknownReward: there is none of this name; the message lists those that there are.
    """
    if key not in REWARDS:
        raise UnknownReward(f"there is no reward definition {key}; choose one of {', '.join(REWARDS)}")
    return REWARDS[key]


def quality_play(outcomes: Sequence[Outcome], *, runtime_seconds: float | None) -> float | None:
    """Return the reward of one decision under `quality_play/1`, or None when the artwork was never seen (C4)."""
    return REWARDS[QUALITY_PLAY].value(outcomes, runtime_seconds=runtime_seconds)


def values_of(outcomes: Sequence[Outcome], *, runtime_seconds: float | None) -> dict[str, float]:
    """Return the reward of one decision under every definition; nothing when the artwork was never seen (C4)."""
    valued = {key: each.value(outcomes, runtime_seconds=runtime_seconds) for key, each in REWARDS.items()}
    return {key: value for key, value in valued.items() if value is not None}
