"""What was foretold of promotions, and what the promoted versions were observed to earn. Compares nothing.

A forecast is written in the transaction of its deployment and never changes; its readings are derived from the log.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from api.storage.evaluations import StoredEvaluation
from api.storage.forecast_tables import forecast_readings, forecasts
from api.storage.stages import Deployment, Stage
from bandit.decision import PolicyVersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForecast:
    """What the newest evaluation said when a version was promoted, by the `deployment`-th deployment, at `began_at`.

    `value` with `low` and `high` at `level` is the mean reward a decision under the definition `reward`, from `rows`
    rows; `live_value` that of what was live then, on the same rows. The log was read until `read_until`.
    """

    forecast: int
    deployment: int
    version: PolicyVersionId
    stage: Stage
    reward: str
    made_at: datetime
    began_at: datetime
    rows: int
    level: float
    value: float
    low: float
    high: float
    live: PolicyVersionId
    live_value: float | None = None
    read_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a version earned a decision from its promotion to the end of `day` (UTC); no ends on too few viewers."""

    day: date
    rows: int
    viewers: int
    value: float
    low: float | None = None
    high: float | None = None


def add_forecast(connection: Connection, *, number: int, deployment: Deployment, evaluation: StoredEvaluation) -> bool:
    """Keep what an evaluation said for the `number`-th deployment, and tell whether it said a value at all."""
    said = evaluation.result
    if said.value is None or said.low is None or said.high is None:
        return False
    row = {
        "deployment": number,
        "version": deployment.version,
        "stage": deployment.stage,
        "reward": said.reward,
        "made_at": evaluation.at,
        "began_at": deployment.at,
        "rows": said.rows,
        "level": said.level,
        "value": said.value,
        "low": said.low,
        "high": said.high,
        "live": said.live,
        "live_value": said.live_value,
    }
    connection.execute(insert(forecasts), row)
    return True


def list_forecasts(
    connection: Connection, *, before: int | None = None, limit: int | None = None, version: str | None = None
) -> list[StoredForecast]:
    """Return the forecasts, the newest first: those with a number below `before`, at most `limit`."""
    listed = select(forecasts).order_by(forecasts.c.forecast.desc()).limit(limit)
    if before is not None:
        listed = listed.where(forecasts.c.forecast < before)
    if version is not None:
        listed = listed.where(forecasts.c.version == version)
    return [_forecast(dict(row)) for row in connection.execute(listed).mappings()]


def readings_of(connection: Connection, wanted: Iterable[int]) -> dict[int, list[Reading]]:
    """Return what came of each of these forecasts, day by day."""
    numbers = [*wanted]
    found: dict[int, list[Reading]] = {number: [] for number in numbers}
    listed = select(forecast_readings).where(forecast_readings.c.forecast.in_(numbers))
    for row in connection.execute(listed.order_by(forecast_readings.c.day)).mappings():
        known = {name: value for name, value in row.items() if name not in ("forecast", "day")}
        found[row["forecast"]].append(Reading(day=date.fromisoformat(row["day"]), **known))
    return found


def put_readings(connection: Connection, forecast: int, readings: Sequence[Reading], *, until: datetime) -> None:
    """Put what came of a forecast in the place of what was read before; the log was read `until` then."""
    connection.execute(delete(forecast_readings).where(forecast_readings.c.forecast == forecast))
    rows = [{**asdict(each), "forecast": forecast, "day": each.day.isoformat()} for each in readings]
    if rows:
        connection.execute(insert(forecast_readings), rows)
    connection.execute(update(forecasts).where(forecasts.c.forecast == forecast).values(read_until=until))


def _forecast(row: dict[str, Any]) -> StoredForecast:
    row["stage"] = Stage(row["stage"])
    return StoredForecast(**row)
