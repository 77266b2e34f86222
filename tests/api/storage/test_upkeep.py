"""What the worker removes and watches: past its keeping, robots, titles that jump. On both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sqlalchemy import Connection, Engine, insert, select

from api.jobs.joining import join_rewards
from api.jobs.jumping import look_for_jumps
from api.jobs.robots import find_robots, judge_changed, judge_now
from api.jobs.upkeep import remove_what_is_old
from api.settings import Settings
from api.storage.alarms import open_alarms
from api.storage.audit_log import list_entries
from api.storage.database import reading, transaction
from api.storage.due import NewPage, admit
from api.storage.events import add_events, count_events, histories, stale_viewers
from api.storage.exclusions import read_exclusions
from api.storage.foundation import FoundationVersion, ViewerVector, add_foundation_version, put_viewer_vectors
from api.storage.outcomes import add_outcomes
from api.storage.pages import decided_at, encode_page, page_id_at, read_pages
from api.storage.rewards import PageRewards, RewardsBody, put_rewards
from api.storage.tables import outcomes, pages
from api.storage.tallies import read_conservation
from bandit.decision import Outcome, OutcomeKind, Page, PageId
from bandit.rewards import QUALITY_PLAY, RewardWindows
from bandit.valuing import SlotState
from foundation.events import Action, Event, EventId, ViewerId

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ONE, OTHER = ViewerId("1" * 32), ViewerId("2" * 32)
NOBODY = {"pages": 0, "plays": 0, "hours": 0}
MakePage = Callable[..., Page]


def put_page(connection: Connection, page: Page, *, at: datetime, number: int = 0) -> PageId:
    made = msgspec.structs.replace(page, page=PageId(f"{page_id_at(at)[:20]}{number:012x}"), at=at)
    row = {"page": made.page, "at": at, "viewer": made.viewer, "policy": made.policy, "slots": len(made.slots)}
    connection.execute(insert(pages).values(**row, embedding_version=made.embedding_version, body=encode_page(made)))
    admit(connection, [NewPage(made.page, at, len(made.slots))])
    return made.page


def played(page: PageId, slot: int = 0) -> Outcome:
    return Outcome(event=EventId("e"), page=page, slot=slot, kind=OutcomeKind.PLAYED, at=decided_at(page))


def event(viewer: ViewerId, at: datetime) -> Event:
    return Event(event=EventId(f"{viewer[0]}{at}"), viewer=viewer, title="t", action=Action.PLAY, at=at)


def settings(home: Path, **changes: object) -> Settings:
    return Settings.model_validate({"home": home, **changes})


def test_whole_days_past_their_keeping_go_and_c5_holds(engine: Engine, make_page: MakePage, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        for days in range(10):
            page = put_page(connection, make_page(), at=NOW - timedelta(days=days))
            add_outcomes(connection, [played(page)], now=NOW)
        add_outcomes(connection, [played(page_id_at(NOW - timedelta(days=30)))], now=NOW)
    for day in range(10, 21):
        (tmp_path / "exports").mkdir(exist_ok=True)
        (tmp_path / "exports" / f"day=2026-03-{day}.parquet").write_bytes(b"")
    limited = settings(tmp_path, retention_days=3)
    assert remove_what_is_old(engine, limited, now=NOW).startswith("6 pages, 0 events and 7 files of before 2026-03-17")
    kept = [decided_at(page.page).date().day for page in read_pages(engine)]
    assert kept == [17, 18, 19, 20]
    assert sorted(path.name for path in (tmp_path / "exports").iterdir())[0] == "day=2026-03-17.parquet"
    with reading(engine) as connection:
        assert connection.scalars(select(outcomes.c.page).order_by(outcomes.c.page)).all() == [
            page.page for page in read_pages(engine)
        ]
        assert read_conservation(connection).holds
    assert remove_what_is_old(engine, limited, now=NOW).startswith("0 pages, 0 events and 0 files")
    with reading(engine) as connection:
        [entry] = list_entries(connection)
    assert (entry.actor, entry.action) == ("keyart-worker", "log.retain")
    assert entry.after == {"before": "2026-03-17", "pages": 6, "events": 0, "files": 7}


def test_events_past_their_keeping_go_and_vectors_are_made_anew_from_the_rest(engine: Engine, tmp_path: Path) -> None:
    old, new = NOW - timedelta(days=9), NOW - timedelta(days=1)
    version = FoundationVersion(version="v1", digest="0" * 64, config={}, metrics={}, created_at=NOW)
    with transaction(engine) as connection:
        add_events(connection, [event(ONE, old), event(ONE, new), event(OTHER, old)], now=old)
        add_foundation_version(connection, version)
        vectors = [ViewerVector(viewer=each, vector=np.ones(2, np.float32), events=2) for each in (ONE, OTHER)]
        put_viewer_vectors(connection, "v1", vectors, now=NOW)
        assert stale_viewers(connection, "v1") == {}
    assert remove_what_is_old(engine, settings(tmp_path, retention_days=3), now=NOW).startswith("0 pages, 2 events")
    with reading(engine) as connection:
        assert [(viewer, len(own)) for viewer, own in histories(connection)] == [(ONE, 1)]
        assert count_events(connection) == 1
        assert stale_viewers(connection, "v1") == {ONE: 1}


def test_without_the_setting_everything_is_kept(engine: Engine, make_page: MakePage, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        put_page(connection, make_page(), at=NOW - timedelta(days=9999))
    assert remove_what_is_old(engine, settings(tmp_path), now=NOW) == "everything is kept for ever"
    assert len([*read_pages(engine)]) == 1


def test_who_does_more_than_people_do_is_a_robot_on_that_day(
    engine: Engine, make_page: MakePage, tmp_path: Path
) -> None:
    rules = settings(tmp_path, robot_pages_a_day=5, robot_plays_a_day=3)
    with transaction(engine) as connection:
        for number in range(6):
            put_page(connection, make_page(viewer=ONE), at=NOW - timedelta(minutes=number), number=number)
        for number in range(2):
            page = put_page(connection, make_page(viewer=OTHER), at=NOW - timedelta(minutes=number), number=50 + number)
            add_outcomes(connection, [played(page, 0), played(page, 1)], now=NOW)
        put_page(connection, make_page(viewer=OTHER), at=NOW - timedelta(days=1))
    assert find_robots(engine, rules, NOW.date()) == {"pages": 1, "plays": 1, "hours": 0}
    assert find_robots(engine, rules, NOW.date() - timedelta(days=1)) == NOBODY
    with reading(engine) as connection:
        told = read_exclusions(connection)
    assert told.days == {(ONE, NOW.date()): "robot: pages", (OTHER, NOW.date()): "robot: plays"}
    assert find_robots(engine, settings(tmp_path), NOW.date()) == NOBODY
    with reading(engine) as connection:
        assert read_exclusions(connection).days == {}, "judged again under other rules"


def watched(page: PageId, event: str, seconds: float) -> Outcome:
    at = decided_at(page)
    return Outcome(event=EventId(event), page=page, slot=0, kind=OutcomeKind.WATCHED, at=at, seconds=seconds)


def test_who_reports_only_that_much_was_watched_is_found_too(
    engine: Engine, make_page: MakePage, tmp_path: Path
) -> None:
    with transaction(engine) as connection:
        for number in range(4):
            page = put_page(connection, make_page(viewer=ONE), at=NOW - timedelta(minutes=number), number=number)
            add_outcomes(connection, [watched(page, "e", 10.0), watched(page, "f", 25_000.0)], now=NOW)
    assert find_robots(engine, settings(tmp_path, robot_plays_a_day=3), NOW.date()) == {**NOBODY, "plays": 1}
    assert find_robots(engine, settings(tmp_path, robot_hours_a_day=24), NOW.date()) == {**NOBODY, "hours": 1}
    assert find_robots(engine, settings(tmp_path, robot_hours_a_day=28), NOW.date()) == NOBODY, "27.8 hours"


def test_every_day_that_changed_is_judged_however_long_ago_and_no_other(
    engine: Engine, make_page: MakePage, tmp_path: Path
) -> None:
    rules = settings(tmp_path, robot_plays_a_day=1)
    old, days = NOW - timedelta(days=9), RewardWindows()
    with transaction(engine) as connection:
        pages_then = [put_page(connection, make_page(viewer=ONE), at=old, number=number) for number in range(2)]
        add_outcomes(connection, [played(pages_then[0])], now=NOW)
    join_rewards(engine, windows=days, now=NOW)
    first = judge_changed(engine, rules, {})
    assert (first.days, first.robots) == (1, 0)
    assert judge_changed(engine, rules, first.memory).days == 0
    with transaction(engine) as connection:
        add_outcomes(connection, [played(pages_then[1])], now=NOW)
    join_rewards(engine, windows=days, now=NOW)
    late = judge_changed(engine, rules, first.memory)
    assert (late.days, late.robots) == (1, 1)
    assert judge_changed(engine, settings(tmp_path), late.memory).days == 1, "other rules judge all anew"
    assert judge_now(engine, rules).robots == 1, "who learns does not wait for a worker that never ran"


@pytest.fixture
def played_days(engine: Engine, make_page: MakePage) -> Callable[[int, float], None]:
    """Fill a day (so many days ago) with a hundred decisions of `title-0`, a share of them played."""
    rng = np.random.default_rng(3)

    def fill(days: int, share: float) -> None:
        with transaction(engine) as connection:
            connection.execute(pages.delete().where(pages.c.page.in_(list(_pages_of_day(days)))))
            for number in range(100):
                viewer = ViewerId(f"{number:032x}")
                page = put_page(connection, make_page(1, viewer=viewer), at=_of(days), number=number)
                worth = float(rng.random() < share)
                state = SlotState.REWARDED if worth else SlotState.DEFAULTED
                values = np.array([worth] if worth else [], dtype="<f8").tobytes()
                body = RewardsBody((QUALITY_PLAY,), bytes([state]), values)
                put_rewards(connection, [PageRewards(page, True, body, 1, 0, 0)])

    return fill


def _of(days: int) -> datetime:
    return NOW - timedelta(days=days)


def _pages_of_day(days: int) -> Iterator[PageId]:
    return (PageId(f"{page_id_at(_of(days))[:20]}{number:012x}") for number in range(100))


def test_a_title_that_jumped_raises_one_alarm_which_is_cleared_when_it_is_over(
    engine: Engine, played_days: Callable[[int, float], None], tmp_path: Path
) -> None:
    for days in range(1, 16):
        played_days(days, 0.1)
    assert look_for_jumps(engine, settings(tmp_path), now=NOW) == []
    played_days(1, 0.9)
    [jump] = look_for_jumps(engine, settings(tmp_path), now=NOW)
    look_for_jumps(engine, settings(tmp_path), now=NOW)
    with reading(engine) as connection:
        [alarm] = open_alarms(connection)
    assert (alarm.kind, alarm.subject) == ("title_jump", "title-0")
    assert "On 2026-03-19 (UTC) a decision of title-0 was worth 0." in alarm.message
    assert jump.score > jump.limit
    played_days(1, 0.1)
    look_for_jumps(engine, settings(tmp_path), now=NOW)
    with reading(engine) as connection:
        assert open_alarms(connection) == []
