"""The bait index of an artwork: it starts more plays than its title's others, and those plays go less far.

Knows no storage and no clock.

With S the play rate of an artwork over that of what was shown in its place to viewers alike, and C the same of the
mean share watched of a play (the contrasts of `bandit.comparison`), the index is

    min(ln S, −ln C)

so it is above 0 only if plays start more often *and* end sooner; the weaker of the two counts, and a factor of 1.22
both ways is 0.2. A ratio, because titles are played and finished at different rates. A minimum, because neither alone
is bait: an attractive artwork starts more, an honest one that few care for is finished less. To reject "not both" it
suffices that each part is rejected at the full level (intersection-union, Berger 1982), so the lower bound is the
smaller of the two. An artwork that attracts also draws viewers in who care less, which lowers C a little: hence a
threshold well above 0. The index gates promotion and is never blended into a reward.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.comparison import FEWEST_BUCKETS, Arm, ArtworkSums, PlayTerm, TitleSums, spread
from bandit.ope.intervals.sequence import anytime_reach


@dataclass(frozen=True, slots=True, kw_only=True)
class BaitRules:
    """When an artwork is called bait: its index is at least `threshold` and its lower bound above 0.

    `risk` is the chance that an artwork's interval ever misses, however often one looks; `tuned_at` the effective
    decisions near which it is narrowest. Below `fewest_plays` effective plays on either side there is no index.
    """

    threshold: float = 0.2
    risk: float = 0.05
    tuned_at: float = 500.0
    fewest_plays: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BaitReport:
    """What the log says of one artwork as bait; `image` is its image key, `decisions` how many showed it.

    `starts` is its play rate and `completion` the mean share watched of a play, each over that of the title's others.
    `index` = min(ln starts, −ln completion) with an interval `low` to `high`; all five are None where the log
    holds too little. `alarm`: the index is above the threshold, and chance is no explanation.
    """

    title: TitleId
    artwork: ArtworkId
    image: str
    decisions: int
    starts: float | None = None
    completion: float | None = None
    index: float | None = None
    low: float | None = None
    high: float | None = None
    alarm: bool = False


def bait_reports(
    sums: ArtworkSums, *, rules: BaitRules | None = None, among: Collection[str] | None = None
) -> tuple[BaitReport, ...]:
    """Report on every artwork that decisions were drawn for, by title and artwork; with `among`, these keys only."""
    rules = rules or BaitRules()
    return tuple(report for title in sums.titles(among=among) for report in _of_title(title, rules))


def favoured_baits(
    reports: Iterable[BaitReport], *, version: Mapping[str, float], live: Mapping[str, float], tolerance: float = 0.1
) -> tuple[str, ...]:
    """Name the artworks in alarm that `version` would show more often than `live`, by more than `tolerance` of it.

    Both say how many of the same decisions would show an artwork, by title/artwork. A version that shows baits less
    is what they are to be replaced by, so it must not be held up by them.
    """
    alarms = (f"{each.title}/{each.artwork}" for each in reports if each.alarm)
    return tuple(name for name in alarms if version.get(name, 0.0) > (1.0 + tolerance) * live.get(name, 0.0))


def _of_title(title: TitleSums, rules: BaitRules) -> list[BaitReport]:
    return [_reported(title, image, rules) for image in title.images]


def _reported(title: TitleSums, image: str, rules: BaitRules) -> BaitReport:
    shown = BaitReport(title=title.title, artwork=title.names[image], image=image, decisions=title.decisions(image))
    sides = title.contrast(image)
    if title.buckets < FEWEST_BUCKETS or not all(_told(side, rules) for side in sides):
        return shown
    return _compared(shown, *sides, buckets=title.buckets, rules=rules)


def _told(side: Arm, rules: BaitRules) -> bool:
    if not side.total(PlayTerm.WATCH_SHARE):
        return False
    return side.effective * side.total(PlayTerm.TAKE) / side.total(PlayTerm.WEIGHT) >= rules.fewest_plays


def _compared(shown: BaitReport, own: Arm, others: Arm, *, buckets: int, rules: BaitRules) -> BaitReport:
    starts, starts_error = _log_ratio(own, others, (PlayTerm.TAKE, PlayTerm.WEIGHT), buckets=buckets)
    completion, completion_error = _log_ratio(own, others, (PlayTerm.WATCH_SHARE, PlayTerm.TAKE), buckets=buckets)
    effective = np.array(2.0 / (1.0 / own.effective + 1.0 / others.effective))
    # Two bounds a side, each with its share of the risk.
    reach = float(anytime_reach(effective, risk=rules.risk / 2, buckets=buckets, tuned_at=rules.tuned_at))
    reach *= max(1.0, _implied_error(own, others) / starts_error)
    index = min(starts, -completion)
    low = min(starts - reach * starts_error, -completion - reach * completion_error)
    return replace(
        shown,
        starts=math.exp(starts),
        completion=math.exp(completion),
        index=index,
        low=low,
        high=min(starts + reach * starts_error, -completion + reach * completion_error),
        alarm=index >= rules.threshold and low > 0,
    )


def _log_ratio(own: Arm, others: Arm, terms: tuple[int, int], *, buckets: int) -> tuple[float, float]:
    """ln of an arm's ratio of two terms over the other's, and its standard error (delta method)."""
    (mine, linear), (theirs, against) = (arm.ratio(*terms) for arm in (own, others))
    return math.log(mine / theirs), spread(linear / mine - against / theirs, buckets=buckets)


def _implied_error(own: Arm, others: Arm) -> float:
    """The error of ln starts that the logged probabilities imply, were both sides played alike."""
    rate = (own.total(PlayTerm.TAKE) + others.total(PlayTerm.TAKE)) / (
        own.total(PlayTerm.WEIGHT) + others.total(PlayTerm.WEIGHT)
    )
    return math.sqrt((1.0 - rate) / rate * (1.0 / own.effective + 1.0 / others.effective))
