"""The job that judges which viewers were robots on which days, by how much they did. Knows no reward and no learner."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from api.jobs.schedule import Report, Turn
from api.settings import Settings
from api.storage.busy_days import many_hours, many_pages, many_plays
from api.storage.database import reading, transaction
from api.storage.exclusions import put_robot_days
from api.storage.leases import standings
from api.storage.log_days import read_days
from foundation.events import ViewerId

ROBOTS = "robots"
"""The name of the job."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Days that were judged, the viewer-days that a rule named, and what the next judgement shall know."""

    days: int
    robots: int
    memory: Mapping[str, Any]


def find_robots(engine: Engine, settings: Settings, day: date) -> dict[str, int]:
    """Judge a day (UTC) by the rules and return how many viewers each names; harmless to repeat.

    A viewer with more pages, more plays or more hours watched in a day than the settings allow is no person on it.

    Raises:
        StorageUnavailable: the day is as it was.
    """
    with reading(engine) as connection:
        found = {
            "pages": many_pages(connection, day, more_than=settings.robot_pages_a_day),
            "plays": many_plays(connection, day, more_than=settings.robot_plays_a_day),
            "hours": _many_hours(connection, settings, day),
        }
    named = {viewer: f"robot: {rule}" for rule in reversed(found) for viewer in found[rule]}
    with transaction(engine) as connection:
        put_robot_days(connection, day, named)
    return {rule: len(viewers) for rule, viewers in found.items()}


def _many_hours(connection: Connection, settings: Settings, day: date) -> Mapping[ViewerId, float]:
    if settings.robot_hours_a_day is None:
        return {}
    return many_hours(connection, day, more_than=timedelta(hours=settings.robot_hours_a_day))


def judge_changed(engine: Engine, settings: Settings, memory: Mapping[str, Any]) -> Judged:
    """Judge every day that something was joined of since `memory`, so late outcomes and long pauses are caught up with.

    Raises:
        StorageUnavailable: some days may be judged; it can be done again.
    """
    rules = [settings.robot_pages_a_day, settings.robot_plays_a_day, settings.robot_hours_a_day]
    with reading(engine) as connection:
        days = {str(day): revision for day, revision in read_days(connection).items()}
    known: Mapping[str, int] = memory["days"] if memory.get("rules") == rules else {}
    changed = [day for day, revision in days.items() if known.get(day) != revision]
    found = [find_robots(engine, settings, date.fromisoformat(day)) for day in changed]
    named = sum(sum(each.values()) for each in found)
    return Judged(len(changed), named, {"rules": rules, "days": days})


def judge_now(engine: Engine, settings: Settings) -> Judged:
    """Judge what changed since the job looked last: who is about to learn must not wait for its next hour."""
    with reading(engine) as connection:
        standing = standings(connection).get(ROBOTS)
    return judge_changed(engine, settings, standing.memory if standing else {})


def run_robots(turn: Turn) -> Report:
    """What the schedule runs."""
    judged = judge_changed(turn.engine, turn.settings, turn.memory)
    return Report(f"{judged.robots:,} robots' viewer-days in {judged.days:,} days that changed", judged.memory)
