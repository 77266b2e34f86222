"""Whether a version earns what its evaluation foretold, looked at ever more rarely. Knows no stage."""

from collections.abc import Iterable
from dataclasses import dataclass

from bandit.decision import Reason, RewardedDecision, Rung
from bandit.looks import Looks
from bandit.observed import RewardSums

TOLERANCE = 0.05
"""The level of all rewards moves with weekdays and seasons: so far below the forecast is not the version's fault."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The interval that an evaluation gave a version's mean reward, at `level`."""

    low: float
    high: float
    level: float


class ShortfallWatch:
    """Takes in rewarded decisions of one policy version; `look` tells when they earn less than was foretold.

    In alarm when the observed mean's interval (`bandit.looks`) lies wholly below the forecast's, less 5 %. Looks come
    after 1,000 rewarded decisions, after 2,000, 4,000, and so on, so that all of them together err once in a thousand.
    """

    def __init__(self, forecast: Forecast, *, looks: Looks | None = None) -> None:
        self._forecast = forecast
        self._looks = looks or Looks(first=1000, alpha=0.001)
        self._sums = RewardSums()
        self._looked = 0

    def add(self, rows: Iterable[RewardedDecision]) -> None:
        """Take in rows, each once; what the version did not draw says nothing of it."""
        for row in rows:
            if row.decision.reason is Reason.POLICY and row.page.rung is Rung.LIVE:
                self._sums.add(row.page.viewer, row.reward, weight=1.0 / row.page.kept)

    def look(self) -> str | None:
        """Judge, if a look is due; None: not due, or nothing speaks against the forecast."""
        look = self._looks.latest(self._sums.rows)
        if look < self._looked:
            return None
        self._looked = look + 1
        own, level = self._sums.spread(), self._looks.level(look)
        high = own.mean + own.reach(level)
        if not high < self._forecast.low * (1 - TOLERANCE):
            return None
        return (
            f"{self._sums.rows:,} rewarded decisions earned {own.mean:.4f} each, {high:.4f} at most ({level:.2%}); its "
            f"evaluation foretold {self._forecast.low:.4f} to {self._forecast.high:.4f}"
        )
