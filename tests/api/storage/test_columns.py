"""Column types: what goes in comes out, on both databases, and what would be ambiguous is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, select
from sqlalchemy.exc import StatementError

from api.storage.columns import PageKey, UtcDateTime, chunks, insert_missing, to_bytes, to_vector, upsert
from api.storage.database import transaction
from api.storage.pages import decided_at, new_page_id, page_id_at

TRIAL = Table(
    "trial",
    MetaData(),
    Column("page", PageKey, primary_key=True),
    Column("at", UtcDateTime),
    Column("n", Integer),
    prefixes=["TEMPORARY"],
)


@contextmanager
def _trial(engine: Engine) -> Iterator[Connection]:
    with transaction(engine) as connection:
        TRIAL.create(connection)
        yield connection


def test_times_come_back_in_utc_to_the_microsecond(engine: Engine) -> None:
    kathmandu = datetime(2026, 3, 29, 2, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    with _trial(engine) as connection:
        connection.execute(TRIAL.insert(), [{"page": new_page_id(), "at": kathmandu, "n": 1}])
        back = connection.scalar(select(TRIAL.c.at))
    assert back == kathmandu
    assert back is not None
    assert back.tzinfo is UTC


def test_a_time_without_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(StatementError, match="without a time zone"), _trial(engine) as connection:
        connection.execute(TRIAL.insert(), {"page": new_page_id(), "at": datetime(2026, 1, 1), "n": 1})


def test_page_ids_sort_by_the_time_they_were_made(engine: Engine) -> None:
    made = [new_page_id() for _ in range(300)]
    assert made == sorted(set(made))
    with _trial(engine) as connection:
        connection.execute(TRIAL.insert(), [{"page": each, "n": 0, "at": None} for each in reversed(made)])
        assert list(connection.scalars(select(TRIAL.c.page).order_by(TRIAL.c.page))) == made


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))
@example(datetime(2038, 1, 19, 3, 15, 0, 600000, tzinfo=UTC))
def test_a_page_id_of_a_moment_is_a_bound(at: datetime) -> None:
    bound = page_id_at(at)
    assert timedelta(0) <= at - decided_at(bound) < timedelta(milliseconds=1)
    assert bound < page_id_at(at + timedelta(milliseconds=1))


def test_a_new_page_id_lies_between_the_bounds_of_its_time() -> None:
    before = page_id_at(datetime.now(UTC))
    page = new_page_id()
    assert before <= page < page_id_at(datetime.now(UTC) + timedelta(milliseconds=1))


def test_upsert_overwrites_and_insert_missing_does_not(engine: Engine) -> None:
    pages = [new_page_id() for _ in range(1200)]
    with _trial(engine) as connection:
        insert_missing(connection, TRIAL, [{"page": page, "n": 1} for page in pages[:700]])
        insert_missing(connection, TRIAL, [{"page": page, "n": 2} for page in pages])
        upsert(connection, TRIAL, [{"page": page, "n": 3} for page in pages[:100]])
        counts = list(connection.scalars(select(TRIAL.c.n).order_by(TRIAL.c.page)))
    assert counts == [3] * 100 + [1] * 600 + [2] * 500


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_vector_comes_back_bit_for_bit(numbers: list[float]) -> None:
    vector = np.array(numbers, dtype=np.float32)
    assert to_vector(to_bytes(vector)).tobytes() == vector.tobytes()
    assert to_bytes(vector.astype(">f4").astype(np.float32)) == vector.astype("<f4").tobytes()


@pytest.mark.parametrize("vector", [np.array([1.0, np.nan]), np.array([np.inf]), np.ones((2, 2)), np.float32(1)])
def test_what_is_no_vector_is_refused(vector: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one row of finite numbers"):
        to_bytes(np.asarray(vector, dtype=np.float32))


def test_chunks_lose_nothing() -> None:
    assert [len(chunk) for chunk in chunks(range(1001), 500)] == [500, 500, 1]
    assert list(chunks([], 500)) == []
