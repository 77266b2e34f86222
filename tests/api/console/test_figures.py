"""Figures of the overview: counted and sampled within bounds, weighed so that they are those of the whole log."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Connection, Engine, event

from api.console import reward_levels, traffic
from api.console.reward_levels import HOLD_BACK, RewardReader, Term, level_of
from api.console.traffic import SLICE, SLICES, TrafficReader
from api.storage.database import reading
from bandit.decision import Rung
from bandit.rewards import QUALITY_PLAY
from tests.api.console.log_of_days import SLOTS, Past, every, write
from tests.api.installation import Installation

NOW = datetime(2026, 3, 10, 12, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    seen: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def connection(installation: Installation) -> Iterator[Connection]:
    with reading(installation.engine) as opened:
        yield opened


def test_an_hour_without_pages_has_no_rate_and_no_shares(connection: Connection) -> None:
    found = TrafficReader().read(connection, now=NOW)
    assert len(found.slices) == SLICES
    assert (found.rate(), found.decisions, found.shares()) == (0.0, 0.0, {})


def test_decisions_a_second_are_those_of_the_log(installation: Installation) -> None:
    write(installation.engine, [Past(at=at) for at in every(timedelta(seconds=6), since=NOW - 50 * MINUTE, times=480)])
    with reading(installation.engine) as connection:
        found = TrafficReader().read(connection, now=NOW)
    assert found.decisions == pytest.approx(480 * SLOTS)
    assert max(each.rate for each in found.slices) == pytest.approx(SLOTS / 6, rel=0.06)
    assert found.shares() == {Rung.LIVE: 1.0}


def test_a_page_that_was_kept_by_chance_stands_for_those_that_were_not(installation: Installation) -> None:
    since = NOW - 30 * MINUTE
    write(installation.engine, [Past(at=at, kept=0.25) for at in every(timedelta(seconds=2), since=since, times=40)])
    with reading(installation.engine) as connection:
        assert TrafficReader().read(connection, now=NOW).decisions == pytest.approx(4 * 40 * SLOTS)


def test_rungs_weigh_by_how_much_was_decided_in_their_time(installation: Installation) -> None:
    start = NOW - 40 * MINUTE
    calm = [Past(at=at) for at in every(timedelta(seconds=1), since=start, times=100)]
    down = every(timedelta(milliseconds=200), since=start + 10 * MINUTE, times=300)
    write(installation.engine, [*calm, *(Past(at=at, policy="default", rung=Rung.DEFAULT) for at in down)])
    with reading(installation.engine) as connection:
        shares = TrafficReader().read(connection, now=NOW).shares()
    assert shares == pytest.approx({Rung.LIVE: 0.25, Rung.DEFAULT: 0.75})


def test_a_second_look_reads_what_is_not_over_yet_and_no_more(installation: Installation) -> None:
    write(installation.engine, [Past(at=at) for at in every(timedelta(seconds=10), since=NOW - 55 * MINUTE, times=300)])
    reader = TrafficReader()
    with reading(installation.engine) as connection:
        first = reader.read(connection, now=NOW)
        with counting(installation.engine) as seen:
            again = reader.read(connection, now=NOW + timedelta(seconds=5))
    assert len(seen) <= 2 + traffic.PLACES
    assert [each.pages for each in again.slices[:-1]] == [each.pages for each in first.slices[:-1]]
    assert NOW - first.slices[0].since <= SLICES * SLICE


def test_a_slice_counts_no_further_than_its_bound(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "COUNTED", 50)
    since = NOW - 20 * MINUTE
    write(installation.engine, [Past(at=at) for at in every(timedelta(milliseconds=100), since=since, times=200)])
    with reading(installation.engine) as connection:
        found = TrafficReader().read(connection, now=NOW)
    assert [each.pages for each in found.slices if each.more] == [50]


def test_levels_are_the_means_by_version_and_day(installation: Installation) -> None:
    yesterday, today = NOW - timedelta(days=1), NOW - timedelta(hours=3)
    past = [Past(at=at, viewer=n, played=n % 3) for n, at in enumerate(every(MINUTE, since=yesterday, times=90))]
    past += [Past(at=at, viewer=n, policy="new", played=2) for n, at in enumerate(every(MINUTE, since=today, times=60))]
    past += [Past(at=yesterday, viewer=n, policy="default", rung=Rung.HOLD_BACK, played=0) for n in range(12)]
    past += [Past(at=yesterday, viewer=n, policy="default", rung=Rung.DEFAULT, played=4) for n in range(12, 24)]
    past += [Past(at=today, viewer=n, policy="new", played=4, final=False) for n in range(9)]
    write(installation.engine, past)
    with reading(installation.engine) as connection:
        days = RewardReader(QUALITY_PLAY).read(connection, now=NOW)
    last_day, this_day = list(days.values())[-2:]
    assert last_day is not None
    assert this_day is not None
    assert set(last_day) == {"uniform", HOLD_BACK}
    level = level_of(last_day["uniform"])
    assert level is not None
    assert level.low < level.mean < level.high
    assert level.mean == pytest.approx(0.25, abs=0.08)
    held = level_of(last_day[HOLD_BACK])
    assert held is not None
    assert (held.mean, held.low, held.high) == (0.0, 0.0, 0.0)
    new = level_of(this_day["new"])
    assert new is not None
    assert (new.mean, new.low, new.high) == pytest.approx((0.5, 0.5, 0.5))


def test_a_busy_hour_weighs_more_than_a_calm_one_however_few_pages_are_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 pages of reward 1 within an hour, 200 of reward 0 over the day: nine in ten are worth 1 (10/11)."""
    monkeypatch.setattr(reward_levels, "PATIENCE", 60.0)
    midnight = datetime(2026, 3, 9, tzinfo=UTC)
    calm = every(timedelta(minutes=6), since=midnight, times=200)
    busy = every(timedelta(seconds=1.8), since=midnight + timedelta(hours=20, minutes=1), times=2000)
    past = [Past(at=at, viewer=n, played=0) for n, at in enumerate(calm)]
    past += [Past(at=at, viewer=n, played=SLOTS) for n, at in enumerate(busy, start=1000)]
    write(installation.engine, past)
    with reading(installation.engine) as connection, counting(installation.engine) as seen:
        days = RewardReader(QUALITY_PLAY).read(connection, now=NOW)
    terms = list(days.values())[-2]
    assert terms is not None
    level = level_of(terms["uniform"])
    assert level is not None
    assert level.mean == pytest.approx(10 / 11, abs=0.05)
    assert len(seen) <= reward_levels.DAYS + 5 * reward_levels.PIECES


def test_days_that_are_over_are_kept_for_a_while(installation: Installation) -> None:
    write(installation.engine, [Past(at=at, viewer=1) for at in every(MINUTE, since=NOW - timedelta(days=2), times=50)])
    reader = RewardReader(QUALITY_PLAY)
    with reading(installation.engine) as connection:
        reader.read(connection, now=NOW)
        with counting(installation.engine) as soon:
            reader.read(connection, now=NOW + timedelta(seconds=30))
        with counting(installation.engine) as later:
            reader.read(connection, now=NOW + timedelta(minutes=2))
    assert soon == []
    assert 1 <= len(later) <= 3


def test_a_look_that_takes_too_long_leaves_older_days_to_the_next(installation: Installation) -> None:
    write(installation.engine, [Past(at=at, viewer=1) for at in every(MINUTE, since=NOW - timedelta(days=3), times=50)])
    seconds = count(0, 0.6)
    reader = RewardReader(QUALITY_PLAY, clock=lambda: next(seconds))
    with reading(installation.engine) as connection:
        looks = [[terms is not None for terms in reader.read(connection, now=NOW).values()] for _ in range(7)]
    assert looks[0] == [False] * 12 + [True] * 2
    assert looks[1] == [False] * 10 + [True] * 4
    assert all(looks[6])


def test_an_interval_clusters_by_viewer() -> None:
    alone = [Term(str(n), rewards=float(n % 2), decisions=1.0, seen=1) for n in range(100)]
    together = [Term(str(n // 10), rewards=float(n // 10 % 2), decisions=1.0, seen=1) for n in range(100)]
    narrow, wide = level_of(alone), level_of(together)
    assert narrow is not None
    assert wide is not None
    assert narrow.mean == wide.mean == 0.5
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * 0.05, rel=0.02)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_too_few_decisions_or_one_viewer_alone_have_no_level() -> None:
    assert level_of([]) is None
    assert level_of([Term(str(n), 1.0, 1.0, 1) for n in range(29)]) is None
    assert level_of([Term("1", 1.0, 1.0, 1)] * 50) is None
