"""What an experiment goes by, fixed before it starts: reward, risk, smallest lift, guardrails. Knows no log."""

import math
from dataclasses import dataclass
from enum import StrEnum

from bandit.experiments.allocation import InvalidExperiment


class Guardrail(StrEnum):
    """What a cell must not harm while it lifts the reward."""

    COMPLETION = "completion"
    ABANDONMENT = "abandonment"
    DIVERSITY = "diversity"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRules:
    """When a difference counts.

    `risk`: how probably the comparisons of rewards, all cells and all looks together, may find a difference where there
    is none; each guardrail may as probably. `smallest_lift`: the relative lift that is worth telling from none; looks
    are most telling when it can just be seen. `guardrails` are watched; with `stops_itself`, the experiment ends when a
    cell is worse than control by the reward or a guardrail, or when viewers were not dealt as planned.
    `days_before`: how many days of each viewer before the start adjust the comparison (CUPED).

    Raises:
        InvalidExperiment: one of them means nothing.
    """

    risk: float = 0.05
    smallest_lift: float = 0.02
    guardrails: tuple[Guardrail, ...] = tuple(Guardrail)
    stops_itself: bool = True
    days_before: int = 28

    def __post_init__(self) -> None:
        if not 0 < self.risk <= 0.5:
            raise InvalidExperiment(f"a risk of {self.risk} means nothing: give one above 0 and at most 0.5")
        if not (math.isfinite(self.smallest_lift) and self.smallest_lift > 0):
            raise InvalidExperiment(f"a smallest lift of {self.smallest_lift} means nothing: give 0.01 for one percent")
        if not 0 <= self.days_before <= 365:
            raise InvalidExperiment("the days before the start that adjust a comparison must be 0 to 365")
