"""Forecasts against what came of them: every promotion with what was foretold of it and what its version then earned.

Changes nothing. The worker's job reads the log; this page reads what it wrote down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.console.refusals import ConsoleRoute
from api.console.rendering import rendered
from api.dependencies.forecasts import PairedForecast, coverage_of, read_paired
from api.dependencies.requests import ServicesDep
from api.report.curves import Curve, Dated, curve_of
from api.report.numbers import count, value
from api.storage.database import reading

router = APIRouter(include_in_schema=False, route_class=ConsoleRoute)

LOOKED_BACK = 200
"""As many promotions are read and counted."""
DRAWN = 40
SHOWN = 20

PageNumber = Annotated[int, Query(ge=1, le=LOOKED_BACK)]
VersionName = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastDrawn:
    """A forecast, and how what was observed settled day by day; None before there are two days."""

    paired: PairedForecast
    curve: Curve | None


@router.get("/console/forecasts")
def forecasts(request: Request, services: ServicesDep, page: PageNumber = 1, version: VersionName = None) -> Response:
    """Show forecasts and outcomes, the newest first, and how many came true."""
    with reading(services.engine) as connection:
        found = read_paired(connection, limit=LOOKED_BACK, version=version)
    shown = found[(page - 1) * SHOWN : page * SHOWN]
    context = {
        "rows": [ForecastDrawn(paired=each, curve=settled(each)) for each in shown],
        "over_time": over_time(found[:DRAWN]),
        "coverage": coverage_of(found),
        "total": len(found),
        "all_read": len(found) < LOOKED_BACK,
        "page": page,
        "pages": max(1, -(-len(found) // SHOWN)),
        "of_version": version,
    }
    return rendered(request, services, "forecasts.html", context)


def over_time(found: Sequence[PairedForecast]) -> Curve | None:
    """Draw forecasts and outcomes side by side, the oldest to the left."""
    known = [each for each in reversed(found) if each.observed is not None]
    return curve_of([_foretold(each) for each in known], beside=[_observed(each) for each in known], apart=0.12)


def settled(paired: PairedForecast) -> Curve | None:
    """Draw what was observed by the end of each day, on what was foretold."""
    days = [
        Dated(
            day=each.day.isoformat(),
            value=each.value,
            low=each.low,
            high=each.high,
            told=f"By {each.day}: {value(each.value)} from {count(each.rows)} decisions",
        )
        for each in paired.readings
    ]
    return curve_of(days, about=_foretold(paired))


def _foretold(paired: PairedForecast) -> Dated:
    told = paired.forecast
    said = f"{told.version}: {value(told.value)} ({value(told.low)} to {value(told.high)}) foretold"
    return Dated(day=f"{told.began_at:%Y-%m-%d}", value=told.value, low=told.low, high=told.high, told=said)


def _observed(paired: PairedForecast) -> Dated:
    told, seen = paired.forecast, paired.observed
    assert seen is not None, "only what was observed is drawn"
    said = f"{told.version}: {value(seen.value)} observed in {count(seen.rows)} decisions"
    return Dated(day=f"{told.began_at:%Y-%m-%d}", value=seen.value, low=seen.low, high=seen.high, told=said)
