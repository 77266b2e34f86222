"""Verdicts on artworks: better, worse or no different than the best other of their title, and when one can be given.

Knows no storage and no clock.
"""

from dataclasses import dataclass
from enum import StrEnum

from artwork.catalog import ArtworkId, TitleId


class Verdict(StrEnum):
    """What the log says of an artwork against the best other artwork of its title, on average over viewers."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference that matters"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtworkVerdict:
    """One artwork: `image` is its image key, `decisions` how many showed it, `value` its mean reward.

    `difference` is its value minus that of the best other artwork, within `low` to `high`; None, as `value`, where the
    log holds too little. `more_decisions` that show it are needed for a verdict at the present share and spread: 0
    where there is one, None where nobody can tell. `exploring`: its chance may still be raised to learn about it; `reason`
    says why or why not.
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
