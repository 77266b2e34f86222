"""GET /v1/forecasts: what was foretold of every promotion, beside what came of it, the newest first."""

from datetime import date, datetime

from fastapi import APIRouter, Response

from api.dependencies.forecasts import PairedForecast, coverage_of, read_paired
from api.dependencies.requests import ServicesDep
from api.routes.listing import USUAL, Cursor, Limit, Number, cursor_of, part_of, place_of
from api.routes.tags import ReadersTag, tagged
from api.routes.wire import Wire
from api.storage.database import reading

router = APIRouter(prefix="/forecasts", tags=["policies"])


class ForetoldAnswer(Wire):
    """What the evaluation said that the promotion rested on, beside the value of what was `live` then."""

    value: float
    low: float
    high: float
    level: float
    rows: int
    live: str
    live_value: float | None


class ReadingAnswer(Wire):
    """What the version earned a decision from its promotion to the end of `day` (UTC)."""

    day: date
    rows: int
    viewers: int
    value: float
    low: float | None
    high: float | None


class ForecastAnswer(Wire):
    """A forecast and what came of it; `came_true` is null while too little was observed."""

    forecast: int
    version: str
    stage: str
    reward: str
    made_at: datetime
    began_at: datetime
    ended_at: datetime | None
    read_until: datetime | None
    foretold: ForetoldAnswer
    observed: ReadingAnswer | None
    days: list[ReadingAnswer]
    came_true: bool | None


class CoverageAnswer(Wire):
    """Of `settled` forecasts in this part of the list, `covered` came true; the share with an interval of 95 %."""

    settled: int
    covered: int
    share: float | None
    low: float | None
    high: float | None


class ForecastsAnswer(Wire):
    """A part of the forecasts, the newest first; `next` is the `cursor` of the part that follows."""

    forecasts: list[ForecastAnswer]
    coverage: CoverageAnswer
    next: str | None = None


@router.get("", response_model=ForecastsAnswer)
def listed(
    services: ServicesDep, cursor: Cursor = None, limit: Limit = USUAL, if_none_match: ReadersTag = None
) -> Response:
    """List the forecasts with what was observed, day by day."""
    before = None if cursor is None else place_of(cursor, "forecasts", tuple[Number])[0]
    with reading(services.engine) as connection:
        found = read_paired(connection, before=before, limit=limit + 1)
    given, last = part_of(found, limit)
    answer = ForecastsAnswer(
        forecasts=[_answer(each) for each in given],
        coverage=CoverageAnswer.model_validate(coverage_of(given), from_attributes=True),
        next=None if last is None else cursor_of("forecasts", last.forecast.forecast),
    )
    return tagged(answer, if_none_match)


def _answer(paired: PairedForecast) -> ForecastAnswer:
    return ForecastAnswer.model_validate(paired.to_json(), strict=False)
