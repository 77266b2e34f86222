"""A clock that leaps must not empty the log: what is old by it waits for somebody to look. On both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.jobs.leaping import HELD_RUNS
from api.jobs.schedule import Turn
from api.jobs.upkeep import UPKEEP
from api.settings import Settings
from api.storage.alarms import open_alarms
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.pages import read_pages
from tests.api.storage.test_upkeep import MakePage, put_page

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
YEARS = timedelta(days=3650)
[RETAIN] = [job for job in UPKEEP if job.name == "retain"]


@pytest.fixture
def turn(engine: Engine, make_page: MakePage, tmp_path: Path) -> Turn:
    """The second run of the job, an hour after one that deleted; the log has a page of each of ten days."""
    with transaction(engine) as connection:
        for days in range(10):
            put_page(connection, make_page(), at=NOW - timedelta(days=days), number=days)
    settings = Settings.model_validate({"home": tmp_path, "retention_days": 30})
    first = Turn(settings=settings, engine=engine, blobs=BlobStore(tmp_path), now=NOW - timedelta(hours=1))
    return run(first, at=NOW)


def run(turn: Turn, *, at: datetime) -> Turn:
    """Run the job, and return its turn at a moment after."""
    memory: Any = RETAIN.run(turn).memory
    return replace(turn, memory=memory, now=at)


def kept(turn: Turn) -> int:
    return len([*read_pages(turn.engine)])


def alarms(turn: Turn) -> list[tuple[str, str]]:
    with reading(turn.engine) as connection:
        return [(each.kind, each.subject) for each in open_alarms(connection)]


def test_a_clock_that_leaps_and_is_set_right_costs_no_page(turn: Turn) -> None:
    turn = run(replace(turn, now=NOW + YEARS), at=NOW + YEARS + timedelta(hours=1))
    turn = run(turn, at=NOW + timedelta(hours=1))
    assert (kept(turn), alarms(turn)) == (10, [("clock_leap", "retain")])
    turn = run(turn, at=NOW - YEARS)
    assert (kept(turn), alarms(turn)) == (10, [])
    turn = run(turn, at=NOW + timedelta(hours=2))
    assert (kept(turn), alarms(turn)) == (10, [])


def test_a_clock_that_stays_ahead_for_a_day_is_believed(turn: Turn) -> None:
    for hours in range(HELD_RUNS):
        turn = run(replace(turn, now=NOW + YEARS + timedelta(hours=hours)), at=NOW + YEARS + timedelta(days=1))
        assert kept(turn) == 10
    turn = run(turn, at=NOW + YEARS + timedelta(days=1, hours=1))
    assert (kept(turn), alarms(turn)) == (0, [])


def test_deleting_goes_on_day_by_day(turn: Turn) -> None:
    for days in range(1, 26):
        turn = run(replace(turn, now=NOW + timedelta(days=days)), at=NOW + timedelta(days=days + 1))
    assert (kept(turn), alarms(turn)) == (6, [])
