"""Bounded looks at the log: never more rows than asked for, in the order of page ids, on both databases."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.storage.database import reading, transaction
from api.storage.due import mark_due
from api.storage.pages import new_page_id, page_id_at
from api.storage.policies import PolicyVersion, add_policy_version
from api.storage.samples import count_pages, count_waiting, first_pages, marks_of
from api.storage.version_list import count_versions, newest_versions
from bandit.decision import PolicyVersionId, Rung
from tests.api.console.log_of_days import SLOTS, Past, every, write

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_first_pages_after_a_moment(engine: Engine) -> None:
    write(engine, [Past(at=at, viewer=n) for n, at in enumerate(every(SECOND, since=AT, times=20))])
    since, until = page_id_at(AT + 5 * SECOND), page_id_at(AT + 10 * SECOND)
    with reading(engine) as connection:
        found = first_pages(connection, since=since, until=until, limit=3)
        assert [int(each.viewer, 16) for each in found] == [5, 6, 7]
        assert {each.slots for each in found} == {SLOTS}
        assert len(first_pages(connection, limit=100)) == 20


def test_counting_stops_at_its_bound(engine: Engine) -> None:
    write(engine, [Past(at=at) for at in every(SECOND, since=AT, times=20)])
    ends = {"since": page_id_at(AT), "until": page_id_at(AT + 15 * SECOND)}
    with reading(engine) as connection:
        assert count_pages(connection, **ends, at_most=100) == 15
        assert count_pages(connection, **ends, at_most=7) == 7


def test_marks_are_read_without_the_decisions(engine: Engine) -> None:
    write(engine, [Past(at=AT), Past(at=AT + SECOND, rung=Rung.HOLD_BACK, kept=0.5)])
    with reading(engine) as connection:
        pages = [each.page for each in first_pages(connection, limit=5)]
        marks = marks_of(connection, [*pages, new_page_id()])
    assert [(marks[page].rung, marks[page].kept) for page in pages] == [(Rung.LIVE, 1.0), (Rung.HOLD_BACK, 0.5)]


def test_pages_that_wait_are_counted_up_to_a_bound(engine: Engine) -> None:
    with transaction(engine) as connection:
        mark_due(connection, [new_page_id() for _ in range(5)], now=AT)
    with reading(engine) as connection:
        assert (count_waiting(connection, at_most=100), count_waiting(connection, at_most=3)) == (5, 3)


def test_versions_are_listed_a_page_at_a_time(engine: Engine) -> None:
    with transaction(engine) as connection:
        for number in range(7):
            name = PolicyVersionId(f"squarecb-{number:012d}")
            version = PolicyVersion(version=name, digest=f"{number:064d}", manifest={}, created_at=AT + number * SECOND)
            add_policy_version(connection, version)
    with reading(engine) as connection:
        assert count_versions(connection) == 7
        assert [each.version[-1] for each in newest_versions(connection, limit=3)] == ["6", "5", "4"]
        assert [each.version[-1] for each in newest_versions(connection, limit=3, after=5)] == ["1", "0"]
