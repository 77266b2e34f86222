"""The job that holds forecasts against what came of them: reads the log once for all that are open. Judges nothing.

Memory is that of one estimator a forecast, whatever the log's length. A forecast is read for at most four weeks: of
what comes later a log of today says little.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Engine

from api.dependencies.forecasts import ended
from api.jobs.observing import is_drawn
from api.jobs.schedule import Report, ScheduledJob, Turn
from api.jobs.trusted import TrustedRows, read_trust
from api.settings import Settings
from api.storage.database import reading, transaction
from api.storage.forecasts import Reading, StoredForecast, list_forecasts, put_readings
from api.storage.pages import decided_at, page_id_at
from api.storage.policies import numbered_deployments
from api.storage.rewards import rewarded_decisions
from bandit.decision import RewardedDecision
from bandit.earned import Earned
from bandit.ope.batch import Batch, viewer_keys

HORIZON = timedelta(days=28)
SETTLED_AFTER = timedelta(hours=1)
"""Without a reward window, plays of younger pages may still come: they would be valued too low."""
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenForecast:
    """A forecast that more is to be read of, and until when that is."""

    forecast: StoredForecast
    until: datetime


def open_forecasts(engine: Engine, settings: Settings, *, now: datetime) -> list[OpenForecast]:
    """List what is still to be read, up to where rewards are settled now."""
    settled = now - (settings.windows.longest or SETTLED_AFTER)
    horizon = min(HORIZON, timedelta(days=settings.retention_days or HORIZON.days))
    with reading(engine) as connection:
        known = list_forecasts(connection)
        ends = ended(known, numbered_deployments(connection))
    found: list[OpenForecast] = []
    for each in known:
        last = min(each.began_at + horizon, ends.get(each.forecast, settled), settled)
        if last > (each.read_until or each.began_at):
            found.append(OpenForecast(forecast=each, until=last))
    return found


def pair_forecasts(engine: Engine, settings: Settings, *, now: datetime) -> int:
    """Read what became of every open forecast, write it down, and return how many these are; harmless to repeat.

    Raises:
        StorageUnavailable: some are as they were.
    """
    wanted = open_forecasts(engine, settings, now=now)
    for reward in sorted({each.forecast.reward for each in wanted}):
        same = [each for each in wanted if each.forecast.reward == reward]
        for each, readings in _read(engine, settings, same, reward=reward):
            with transaction(engine) as connection:
                put_readings(connection, each.forecast.forecast, readings, until=each.until)
    return len(wanted)


def _read(
    engine: Engine, settings: Settings, wanted: list[OpenForecast], *, reward: str
) -> Iterator[tuple[OpenForecast, list[Reading]]]:
    """Read the log once, from the first promotion to the last moment that is settled."""
    since, until = min(each.forecast.began_at for each in wanted), max(each.until for each in wanted)
    logged = rewarded_decisions(engine, definition=reward, since=page_id_at(since), until=page_id_at(until))
    rows = TrustedRows(logged, read_trust(engine, caps=settings.caps))
    ledgers = [Ledger(each.forecast.level) for each in wanted]
    for row in rows:
        at = decided_at(row.page.page)
        for each, ledger in zip(wanted, ledgers, strict=True):
            if row.page.policy == each.forecast.version and each.forecast.began_at <= at < each.until and is_drawn(row):
                ledger.add(row, at.date())
    yield from ((each, ledger.readings()) for each, ledger in zip(wanted, ledgers, strict=True))


@dataclass
class Ledger:
    """What a version earned so far; rows come in the order of time, and every day's end is a reading."""

    level: float
    _earned: Earned = field(default_factory=Earned)
    _waiting: list[RewardedDecision] = field(default_factory=list[RewardedDecision])
    _day: date | None = None
    _readings: list[Reading] = field(default_factory=list[Reading])

    def add(self, row: RewardedDecision, day: date) -> None:
        """Take in a decision of `day` (UTC)."""
        if day != self._day:
            self._close()
        self._day = day
        self._waiting.append(row)
        if len(self._waiting) >= _ROWS_AT_ONCE:
            self._take_in()

    def readings(self) -> list[Reading]:
        """One a day on which anything was decided."""
        self._close()
        self._day = None
        return self._readings

    def _close(self) -> None:
        if self._day is not None:
            self._take_in()
            self._readings.append(Reading(day=self._day, **asdict(self._earned.reading(self.level))))

    def _take_in(self) -> None:
        if self._waiting:
            self._earned.add(_batch(self._waiting))
            self._waiting = []


def _batch(rows: Iterable[RewardedDecision]) -> Batch:
    """Decisions that the version drew itself: nothing is weighed but what overload left out."""
    rows = [*rows]
    ones = np.ones(len(rows))
    return Batch(
        propensity=ones,
        target=ones,
        reward=np.array([row.reward for row in rows]),
        viewers=viewer_keys([row.page.viewer for row in rows]),
        kept=np.array([row.page.kept for row in rows]),
    )


# What the schedule runs.


def _nothing_open(turn: Turn) -> str | None:
    return None if open_forecasts(turn.engine, turn.settings, now=turn.now) else "no forecast waits for its outcome"


def _pair(turn: Turn) -> Report:
    return Report(f"{pair_forecasts(turn.engine, turn.settings, now=turn.now):,} forecasts held against the log")


def _six_hourly(settings: Settings) -> timedelta | None:
    return timedelta(hours=6)


PAIRING = ScheduledJob(name="forecasts", every=_six_hourly, run=_pair, idle=_nothing_open)
