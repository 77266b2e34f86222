"""Verdicts on artworks: better, worse or no different than the best other of their title, and when one can be given.

Knows no storage and no clock.

Each artwork is compared with every other of its title (`bandit.comparison`), and its difference to the best of them is
at least the smallest lower and at most the smallest upper bound of these comparisons: multiple comparisons with the
best (Hsu 1984), the upper bounds sharing the risk. People look often, so the intervals hold at all looks at once.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.comparison import FEWEST_BUCKETS, Arm, ArtworkSums, TitleSums, ValueTerm, spread
from bandit.ope.batch import Floats
from bandit.ope.intervals.sequence import anytime_reach


class Verdict(StrEnum):
    """What the log says of an artwork against the best other artwork of its title, on average over viewers."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference that matters"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRules:
    """When a verdict is given, and when exploring ends without one.

    A difference matters from `margin` × the title's mean reward on. `budget` is the most decisions that may show an
    artwork while it is explored. `risk` is the chance that an artwork's interval ever misses, `tuned_at` the effective
    number of decisions near which intervals are narrowest. Two artworks are compared once each has `fewest_effective`
    effective decisions and both together `fewest_rewarded` that carry the rewards.
    """

    margin: float = 0.1
    budget: int = 5000
    risk: float = 0.05
    tuned_at: float = 500.0
    fewest_effective: float = 30.0
    fewest_rewarded: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtworkVerdict:
    """One artwork: `image` is its image key, `decisions` how many showed it, `value` its mean reward.

    `difference` is its value minus that of the best other artwork, within `low` to `high`; None, as `value`, where the
    log holds too little. `more_decisions` that show it are needed for a verdict at the present share and spread: 0
    where there is one, None where nobody can tell. `exploring`: its chance may still be raised to learn about it;
    `reason` says why or why not.
    """

    title: TitleId
    artwork: ArtworkId
    image: str
    decisions: int
    value: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict = Verdict.UNDECIDED
    more_decisions: int | None = None
    exploring: bool = True
    reason: str = ""


def artwork_verdicts(
    sums: ArtworkSums, *, rules: VerdictRules | None = None, among: Collection[str] | None = None
) -> tuple[ArtworkVerdict, ...]:
    """Judge every artwork that decisions were drawn for, by title and artwork; with `among`, these image keys only."""
    rules = rules or VerdictRules()
    return tuple(verdict for title in sums.titles(among=among) for verdict in _of_title(title, rules))


def exploring(verdicts: Sequence[ArtworkVerdict]) -> Mapping[str, bool]:
    """Whether each image key is still explored; one that two titles show is as long as either wants to know."""
    found: dict[str, bool] = {}
    for each in verdicts:
        found[each.image] = found.get(each.image, False) or each.exploring
    return found


@dataclass(frozen=True, slots=True)
class _Contest:
    """An artwork against each of its rivals: arrays (rivals,) of differences, their errors, effective decisions."""

    differences: Floats
    errors: Floats
    effective: Floats
    buckets: int

    def bounds(self, more: Floats, *, rules: VerdictRules) -> tuple[Floats, Floats]:
        """The bounds of the difference to the best other, were there `more` (n, 1) times the decisions: (n,) each."""
        effective, errors = self.effective * more, self.errors / np.sqrt(more)
        reaches = [
            anytime_reach(effective, risk=risk, buckets=self.buckets, tuned_at=rules.tuned_at) * errors
            for risk in (rules.risk, rules.risk / len(self.errors))
        ]
        return (self.differences - reaches[0]).min(axis=-1), (self.differences + reaches[1]).min(axis=-1)

    def moved(self, errors: float) -> "_Contest":
        """The same contest, had the truth been so many standard errors away from what was seen."""
        return replace(self, differences=self.differences + errors * self.errors)


def _of_title(title: TitleSums, rules: VerdictRules) -> list[ArtworkVerdict]:
    values = {image: _value(title.value(image)) for image in title.images}
    known = [value for value in values.values() if value is not None]
    margin = rules.margin * sum(known) / len(known) if known else 0.0
    return [_judged(title, image, value=values[image], margin=margin, rules=rules) for image in title.images]


def _judged(title: TitleSums, image: str, *, value: float | None, margin: float, rules: VerdictRules) -> ArtworkVerdict:
    shown = ArtworkVerdict(
        title=title.title,
        artwork=title.names[image],
        image=image,
        decisions=title.decisions(image),
        value=value,
    )
    rivals = title.rivals(image)
    if not rivals:
        return replace(shown, exploring=False, reason="it has no rival")
    contest = _contest(title, image, rivals=rivals, rules=rules)
    if contest is None:
        return _explored(replace(shown, reason="too few decisions for a forecast"), rules)
    low, high = (float(bound[0]) for bound in contest.bounds(_AS_IT_IS, rules=rules))
    compared = replace(shown, difference=float(contest.differences.min()), low=low, high=high)
    verdict = _verdict(low, high, margin=margin)
    if verdict is not Verdict.UNDECIDED:
        return replace(compared, verdict=verdict, more_decisions=0, exploring=False, reason=f"decided: {verdict.value}")
    more = _forecast(contest, shown.decisions, margin=margin, rules=rules)
    reason = "a tie on the margin" if more is None else f"about {more:,} more decisions until a verdict"
    return _explored(replace(compared, more_decisions=more, reason=reason), rules)


def _explored(undecided: ArtworkVerdict, rules: VerdictRules) -> ArtworkVerdict:
    """The stop rule: an artwork without a verdict is explored until its budget is spent."""
    left = rules.budget - undecided.decisions
    if left <= 0:
        return replace(undecided, exploring=False, reason=f"its budget of {rules.budget:,} decisions is spent")
    if undecided.more_decisions is not None and undecided.more_decisions > left:
        return replace(undecided, reason=f"{undecided.reason}; its budget ends in {left:,}")
    return undecided


def _contest(title: TitleSums, image: str, *, rivals: list[str], rules: VerdictRules) -> _Contest | None:
    """The comparisons with those rivals that enough is known of; None where there is none."""
    pairs = [title.pair(image, rival) for rival in rivals]
    known = [pair for pair in pairs if _comparable(*pair, rules=rules)]
    if not known or title.buckets < FEWEST_BUCKETS:
        return None
    told = np.array([_difference(one, other, buckets=title.buckets) for one, other in known])
    return _Contest(told[:, 0], told[:, 1], told[:, 2], title.buckets)


def _comparable(one: Arm, other: Arm, *, rules: VerdictRules) -> bool:
    if min(one.effective, other.effective) < rules.fewest_effective:
        return False
    if not (one.total(ValueTerm.WEIGHT) and other.total(ValueTerm.WEIGHT)):
        return False
    return _rewarded(one) + _rewarded(other) >= rules.fewest_rewarded


def _difference(one: Arm, other: Arm, *, buckets: int) -> tuple[float, float, float]:
    """Value of `one` minus that of `other`, its standard error, and the effective decisions of a side."""
    (value, linear), (rival, against) = (arm.ratio(ValueTerm.REWARD, ValueTerm.WEIGHT) for arm in (one, other))
    noise = 1.0 / one.effective + 1.0 / other.effective
    implied = math.sqrt(_variance(one, other) * noise)
    return value - rival, max(spread(linear - against, buckets=buckets), implied), 2.0 / noise


def _variance(one: Arm, other: Arm) -> float:
    """The variance of a reward, both sides taken together: a side that was rarely rewarded may have been unlucky."""
    weight = one.total(ValueTerm.WEIGHT) + other.total(ValueTerm.WEIGHT)
    mean = (one.total(ValueTerm.REWARD) + other.total(ValueTerm.REWARD)) / weight
    return max((one.total(ValueTerm.SQUARE) + other.total(ValueTerm.SQUARE)) / weight - mean**2, 0.0)


def _rewarded(arm: Arm) -> float:
    """How many effective decisions carry the reward: effective decisions × (Σ r)² / (n Σ r²)."""
    if not arm.total(ValueTerm.SQUARE):
        return 0.0
    return (
        arm.effective * arm.total(ValueTerm.REWARD) ** 2 / (arm.total(ValueTerm.WEIGHT) * arm.total(ValueTerm.SQUARE))
    )


def _value(arm: Arm) -> float | None:
    return arm.ratio(ValueTerm.REWARD, ValueTerm.WEIGHT)[0] if arm.total(ValueTerm.WEIGHT) else None


def _verdict(low: float, high: float, *, margin: float) -> Verdict:
    if -margin < low and high < margin:
        return Verdict.NO_DIFFERENCE
    if low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if high < 0 else Verdict.UNDECIDED


_AS_IT_IS = np.ones((1, 1))
_MORE = np.geomspace(1.0, 2.0**20, 161)[1:, None]
"""How many times as many decisions a forecast tries, in steps of 9 %."""

_PLAUSIBLE = [NormalDist().inv_cdf((step + 0.5) / 9) for step in range(9)]


def _forecast(contest: _Contest, decisions: int, *, margin: float, rules: VerdictRules) -> int | None:
    """How many more decisions until a verdict: the median over what the truth may be, given what was seen.

    The difference as seen would promise a verdict too soon where it is large by luck, and none where it is 0.
    """
    needed = sorted(_times(contest.moved(errors), margin=margin, rules=rules) for errors in _PLAUSIBLE)
    times = needed[len(needed) // 2]
    return _about(decisions * (times - 1.0)) if math.isfinite(times) else None


def _times(contest: _Contest, *, margin: float, rules: VerdictRules) -> float:
    """The first of `_MORE` with which there would be a verdict, else infinity."""
    low, high = contest.bounds(_MORE, rules=rules)
    decided = ((-margin < low) & (high < margin)) | (low > 0) | (high < 0)
    return float(_MORE[decided.argmax(), 0]) if decided.any() else math.inf


def _about(number: float) -> int:
    """Two digits are as many as a forecast has."""
    return max(1, round(number, 1 - math.floor(math.log10(max(number, 1.0)))).__int__())
