"""When a canary has served enough, and whether it is promoted or ended, by the rewards of both sides. Knows no stage.

Canary and live policy decide for different viewers, drawn by a hash, in the same hours; so the difference of their mean
rewards is what the canary brings. It is looked at after `first`, 2 · `first`, 4 · `first` … rewarded decisions of the
canary (`bandit.looks`), and at each look:

- ended, if the interval of the difference lies below zero: it is worse;
- promoted, if the interval's low end is above −`tolerance` of the live policy's mean: it is better, or about as good;
- else it serves on. After the last look it is ended: what cannot be shown to be as good does not decide for all.
"""

from dataclasses import dataclass
from enum import StrEnum

from bandit.looks import Looks
from bandit.observed import RewardSums


class Fate(StrEnum):
    """What becomes of a canary now."""

    SERVE_ON = "serve_on"
    PROMOTE = "promote"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryRules:
    """When to look, how much below the live policy is about as good, and after how many looks it is over."""

    looks: Looks
    tolerance: float = 0.05
    most_looks: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryVerdict:
    """What becomes of a canary, and why; `look` is the number (from 0) of the look, None where none was due.

    `low` and `high` bound the difference of mean rewards at `level`.
    """

    fate: Fate
    reason: str
    look: int | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None


def judge_canary(canary: RewardSums, live: RewardSums, *, looked: int, rules: CanaryRules) -> CanaryVerdict:
    """Look, if a look is due after the `looked` ones before; both sums are of the time since the canary began."""
    look = rules.looks.latest(canary.rows)
    if look < looked:
        missing = rules.looks.rows_at(looked)
        return CanaryVerdict(
            fate=Fate.SERVE_ON, reason=f"{canary.rows:,} of the {missing:,} rewarded decisions that it is judged after"
        )
    look = min(look, rules.most_looks - 1)
    own, others, level = canary.spread(), live.spread(), rules.looks.level(look)
    difference = own.minus(others)
    low, high = difference.mean - difference.reach(level), difference.mean + difference.reach(level)
    fate, because = _fate(low, high, allowed=-rules.tolerance * others.mean, last=look == rules.most_looks - 1)
    told = (
        f"{because}: it earned {own.mean:.4f} a decision and the live policy {others.mean:.4f}, a difference of "
        f"{low:+.4f} to {high:+.4f} ({level:.1%}) after {canary.rows:,} and {live.rows:,} decisions"
    )
    return CanaryVerdict(fate=fate, reason=told, look=look, low=low, high=high, level=level)


def _fate(low: float, high: float, *, allowed: float, last: bool) -> tuple[Fate, str]:
    if high < 0:
        return Fate.END, "it is worse"
    if low >= allowed:
        return Fate.PROMOTE, "it is better" if low > 0 else "it is about as good, or better"
    if last:
        return Fate.END, "it could not be shown to be as good"
    return Fate.SERVE_ON, "not told apart yet"
