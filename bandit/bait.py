"""The bait index of an artwork: it starts more plays than its title's others, and those plays go less far.

Knows no storage and no clock.
"""

from dataclasses import dataclass

from artwork.catalog import ArtworkId, TitleId


@dataclass(frozen=True, slots=True, kw_only=True)
class BaitReport:
    """What the log says of one artwork as bait; `image` is its image key, `decisions` how many showed it.

    `starts` is its play rate and `completion` the mean share watched of a play, each over that of the title's other
    artworks. `index` = min(ln starts, −ln completion) with an interval `low` to `high`; all five are None where the log
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
