"""Forecasts beside what came of them: how long each was in force, what was observed, whether it came true.

Knows no page and no route. A forecast is held against what its version earned while it stood where it was promoted to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.storage.forecasts import Reading, StoredForecast, list_forecasts, readings_of
from api.storage.policies import numbered_deployments
from api.storage.stages import Deployment, Standing
from bandit.forecasts import FEWEST_ROWS, FEWEST_VIEWERS, Coverage, Range, agree, coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedForecast:
    """A forecast, when its version was moved or taken off (None: not yet), and what was observed, day by day."""

    forecast: StoredForecast
    ended_at: datetime | None
    readings: Sequence[Reading] = ()

    @property
    def observed(self) -> Reading | None:
        """What the version earned from its promotion on, as far as that was read."""
        return self.readings[-1] if self.readings else None

    @property
    def came_true(self) -> bool | None:
        """Whether forecast and outcome agree, given how sure either is; None where too little was observed."""
        seen, told = self.observed, self.forecast
        if seen is None or seen.low is None or seen.high is None:
            return None
        if seen.rows < FEWEST_ROWS or seen.viewers < FEWEST_VIEWERS:
            return None
        foretold = Range(value=told.value, low=told.low, high=told.high)
        return agree(foretold, Range(value=seen.value, low=seen.low, high=seen.high))

    def to_json(self) -> dict[str, Any]:
        """As it is printed and answered."""
        told, seen = self.forecast, self.observed
        return {
            "forecast": told.forecast,
            "version": told.version,
            "stage": told.stage.value,
            "reward": told.reward,
            "made_at": _told(told.made_at),
            "began_at": _told(told.began_at),
            "ended_at": _told(self.ended_at),
            "read_until": _told(told.read_until),
            "foretold": {
                "value": told.value,
                "low": told.low,
                "high": told.high,
                "level": told.level,
                "rows": told.rows,
                "live": told.live,
                "live_value": told.live_value,
            },
            "observed": None if seen is None else _reading(seen),
            "days": [_reading(each) for each in self.readings],
            "came_true": self.came_true,
        }


def read_paired(
    connection: Connection, *, before: int | None = None, limit: int | None = None, version: str | None = None
) -> list[PairedForecast]:
    """Read forecasts with what came of them, the newest first."""
    found = list_forecasts(connection, before=before, limit=limit, version=version)
    ends = ended(found, numbered_deployments(connection))
    readings = readings_of(connection, [each.forecast for each in found])
    return [
        PairedForecast(forecast=each, ended_at=ends.get(each.forecast), readings=readings[each.forecast])
        for each in found
    ]


def coverage_of(paired: Iterable[PairedForecast]) -> Coverage:
    """How many came true."""
    return coverage(each.came_true for each in paired)


def ended(forecasts: Iterable[StoredForecast], deployments: Iterable[tuple[int, Deployment]]) -> dict[int, datetime]:
    """Say when each forecast's version was moved from where it was promoted to; those that stand are left out.

    A version that is promoted again, even to where it is, begins a forecast of its own.
    """
    open_by_number = {each.deployment: each for each in forecasts}
    standing, running, ends = Standing(), dict[int, StoredForecast](), dict[int, datetime]()
    for number, deployment in sorted(deployments, key=lambda each: each[0]):
        standing = standing.after(deployment, number=number)
        for told in [*running.values()]:
            again = deployment.version == told.version and deployment.rolled_back is None
            if again or standing.stage_of(told.version) is not told.stage:
                ends[told.forecast] = deployment.at
                del running[told.forecast]
        if (new := open_by_number.get(number)) is not None:
            running[new.forecast] = new
    return ends


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "day": reading.day.isoformat(),
        "rows": reading.rows,
        "viewers": reading.viewers,
        "value": reading.value,
        "low": reading.low,
        "high": reading.high,
    }


def _told(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
