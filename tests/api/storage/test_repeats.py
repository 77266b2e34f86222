"""Keys of requests: begun once, given back, and never in between, whoever else is at them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, event

from api.storage.database import open_engine, transaction
from api.storage.repeats import Repeat, begin, forget
from tests.api.storage.conftest import Databases


@pytest.fixture
def postgresql_engine(postgresql_databases: Databases) -> Iterator[Engine]:
    with postgresql_databases.ready() as url:
        opened = open_engine(url)
        yield opened
        opened.dispose()


def test_a_key_is_begun_once_until_it_is_given_back(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        assert begin(connection, "k", digest="d", now=now) is None
        assert begin(connection, "k", digest="e", now=now) == Repeat(digest="d")
        forget(connection, "k")
        assert begin(connection, "k", digest="e", now=now) is None


def test_a_key_that_is_given_back_in_the_moment_of_its_next_use_is_begun(
    postgresql_engine: Engine, now: datetime
) -> None:
    """Only there do two who write meet: SQLite lets one write at a time."""
    with transaction(postgresql_engine) as connection:
        begin(connection, "k", digest="d", now=now)

    given_back = False

    def give_back(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal given_back
        if statement.startswith("INSERT") and not given_back:
            given_back = True
            with transaction(postgresql_engine) as other:
                forget(other, "k")

    event.listen(postgresql_engine, "after_cursor_execute", give_back)
    with transaction(postgresql_engine) as connection:
        assert begin(connection, "k", digest="e", now=now) is None
