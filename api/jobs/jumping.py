"""The job that looks for titles whose day jumped: poisoned rewards, broken players, or a success.

It raises alarms and does nothing else. Only rows that count are looked at (`api.jobs.trusted`): what robots do is left
out already.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Engine

from api.jobs.trusted import Trust, TrustedRows, measure_of, read_trust
from api.settings import Settings
from api.storage.alarms import clear_alarm, open_alarms, raise_alarm
from api.storage.database import reading, transaction
from api.storage.log_days import pages_of
from api.storage.rewards import rewarded_decisions
from api.storage.title_days import put_title_days, read_title_days
from bandit.decision import RewardedDecision
from bandit.jumps import Jump, TitleDay, find_jumps

KIND = "title_jump"
TRAILING_DAYS = 21
STILL_COMING_DAYS = 2
"""Rewards of the last days still come in: those days are read again."""
_BUCKETS = 4096
"""Viewers of a title are summed in so many groups of whole viewers, which are as independent as viewers are."""


def look_for_jumps(engine: Engine, settings: Settings, *, now: datetime) -> list[Jump]:
    """Compare yesterday (UTC) of every title with the three weeks before, raise and clear alarms, return what alarms.

    Raises:
        StorageUnavailable: the alarms are as they were.
    """
    yesterday = now.date() - timedelta(days=1)
    first = yesterday - timedelta(days=TRAILING_DAYS)
    _tally_missing(engine, settings, first=first, last=yesterday)
    with reading(engine) as connection:
        days = read_title_days(connection, since=first, until=yesterday)
    found = find_jumps(_histories(days, last=yesterday), alarms_a_year=settings.jump_alarms_a_year)
    alarming = [each for each in found if each.alarming]
    _raise(engine, alarming, day=yesterday, now=now)
    return alarming


def _tally_missing(engine: Engine, settings: Settings, *, first: date, last: date) -> None:
    with reading(engine) as connection:
        known = read_title_days(connection, since=first, until=last)
    measure = measure_of(settings)
    trust = read_trust(engine, caps=measure.caps)
    for back in range((last - first).days + 1):
        day = last - timedelta(days=back)
        if day not in known or back < STILL_COMING_DAYS:
            found = _tally(engine, trust, day, reward=measure.reward)
            with transaction(engine) as connection:
                put_title_days(connection, day, found)


def _tally(engine: Engine, trust: Trust, day: date, *, reward: str) -> dict[str, TitleDay]:
    since, until = pages_of(day)
    rows = rewarded_decisions(engine, definition=reward, since=since, until=until, provisional=True)
    return tally_titles(TrustedRows(rows, trust))


@dataclass(slots=True)
class _Sums:
    decisions: float = 0.0
    reward: float = 0.0


def tally_titles(rows: Iterable[RewardedDecision]) -> dict[str, TitleDay]:
    """Sum a day's rows by title; a row that was logged with probability q counts 1 / q times."""
    groups: dict[str, dict[int, _Sums]] = {}
    for row in rows:
        own = groups.setdefault(row.decision.title, {})
        sums = own.setdefault(hash_of(row.page.viewer) % _BUCKETS, _Sums())
        sums.decisions += 1.0 / row.page.kept
        sums.reward += row.reward / row.page.kept
    return {title: _title_day([*own.values()]) for title, own in groups.items()}


def hash_of(viewer: str) -> int:
    """A number that belongs to a pseudonym, the same in every process."""
    return int.from_bytes(viewer[-8:].encode(), "big")


def _title_day(groups: list[_Sums]) -> TitleDay:
    """The mean, and the variance of it by groups of viewers (linearised, as `bandit.ope.intervals.interval` does)."""
    decisions = sum(each.decisions for each in groups)
    mean = sum(each.reward for each in groups) / decisions
    squares = sum((each.reward - mean * each.decisions) ** 2 for each in groups)
    return TitleDay(decisions=decisions, mean=mean, variance=squares / decisions**2)


def _histories(days: Mapping[date, Mapping[str, TitleDay]], *, last: date) -> dict[str, list[TitleDay]]:
    """Each title's days in order, of titles that were shown on the last."""
    return {
        title: [known[title] for _, known in sorted(days.items()) if title in known] for title in days.get(last, {})
    }


def _raise(engine: Engine, alarming: Iterable[Jump], *, day: date, now: datetime) -> None:
    subjects = {jump.title: jump for jump in alarming}
    with transaction(engine) as connection:
        for alarm in open_alarms(connection):
            if alarm.kind == KIND and alarm.subject not in subjects:
                clear_alarm(connection, kind=KIND, subject=alarm.subject, now=now)
        for title, jump in subjects.items():
            raise_alarm(connection, kind=KIND, subject=title, message=_message(jump, day), now=now)


def _message(jump: Jump, day: date) -> str:
    return (
        f"On {day} (UTC) a decision of {jump.title} was worth {jump.mean:.4f}, against {jump.level:.4f} in the three "
        f"weeks before: {abs(jump.score):.1f} standard errors, where {jump.limit:.1f} is the limit. Who watched: "
        f"`keyart viewer busiest --title {jump.title} --day {day}`; exclude robots: `keyart viewer exclude`."
    )
