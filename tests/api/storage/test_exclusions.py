"""Who is left out: by order in all rows, by rule on single days."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from api.storage.database import reading, transaction
from api.storage.exclusions import (
    Exclusions,
    exclude_viewers,
    excluded_viewers,
    include_viewers,
    list_excluded,
    put_robot_days,
    read_exclusions,
)
from api.storage.pages import page_id_at
from bandit.decision import Page
from foundation.events import ViewerId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE, OTHER = ViewerId("1" * 32), ViewerId("2" * 32)


@pytest.fixture
def page_of(make_page: Callable[..., Page]) -> Callable[..., Page]:
    def page_of(viewer: ViewerId, at: datetime = NOW) -> Page:
        return msgspec.structs.replace(make_page(), viewer=viewer, page=page_id_at(at), at=at)

    return page_of


def test_an_excluded_viewer_is_left_out_on_every_day_until_included(
    engine: Engine, page_of: Callable[..., Page]
) -> None:
    with transaction(engine) as connection:
        exclude_viewers(connection, [ONE], reason="internal", actor="cli:op", now=NOW)
        exclude_viewers(connection, [ONE], reason="monitoring", actor="cli:op", now=NOW + timedelta(hours=1))
    with reading(engine) as connection:
        left_out = read_exclusions(connection)
        [told] = list_excluded(connection)
        assert excluded_viewers(connection) == {ONE: "monitoring"}
    assert (told.reason, told.actor, told.at) == ("monitoring", "cli:op", NOW + timedelta(hours=1))
    assert left_out.reason(page_of(ONE, at=NOW - timedelta(days=300))) == "monitoring"
    assert left_out.reason(page_of(OTHER)) is None
    with transaction(engine) as connection:
        assert include_viewers(connection, [ONE, OTHER]) == 1
        assert read_exclusions(connection) == Exclusions()


def test_a_robots_day_is_left_out_and_the_next_counts(engine: Engine, page_of: Callable[..., Page]) -> None:
    with transaction(engine) as connection:
        put_robot_days(connection, NOW.date(), {ONE: "pages", OTHER: "plays"})
        put_robot_days(connection, NOW.date(), {ONE: "plays"})
    with reading(engine) as connection:
        left_out = read_exclusions(connection)
    assert left_out.reason(page_of(ONE)) == "plays"
    assert left_out.reason(page_of(OTHER)) is None, "a day that is judged again forgets its first verdict"
    assert left_out.reason(page_of(ONE, at=NOW + timedelta(days=1))) is None
