"""Every kind of column that people have for a thing is that thing; what cannot be is named, nothing else is raised."""

import datetime as dt
import decimal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from api.errors import KeyartError
from api.jobs.logs.frames import IN_MEMORY, from_frame
from api.jobs.logs.table import CANONICAL
from bandit.ope.logged import Logged
from tests.api.jobs.logs.written import whole

ROWS = 12
MAY = dt.date(2026, 5, 1)
MIDNIGHT = 1_777_593_600_000_000


def read(**columns: pa.Array) -> Logged:
    [found] = [rows for part in from_frame(pa.table({**whole(), **columns})) for rows in part.rows()]
    return found


@pytest.mark.parametrize(
    "at",
    [
        pa.array([MAY] * ROWS),
        pa.array([dt.datetime(2026, 5, 1)] * ROWS, pa.timestamp("s")),
        pa.array([dt.datetime(2026, 5, 1, tzinfo=dt.UTC)] * ROWS, pa.timestamp("ms", "America/New_York")),
        pa.array(["2026-05-01T02:00:00+02:00"] * ROWS),
        pa.array(["2026-05-01 00:00:00.0000004Z"] * ROWS),
        pa.array(["2026-05-01"] * ROWS).dictionary_encode(),
        pa.array([MIDNIGHT // 1_000_000] * ROWS),
        pa.array([str(MIDNIGHT // 1_000_000)] * ROWS),
        pa.array([MIDNIGHT / 1e3] * ROWS),
        pa.array([MIDNIGHT] * ROWS),
        pa.array([MIDNIGHT * 1000] * ROWS),
    ],
)
def test_times_of_every_kind(at: pa.Array) -> None:
    assert set(np.asarray(read(at=at).at).tolist()) == {MIDNIGHT}


def test_numbers_of_every_kind() -> None:
    for kind in (pa.float32(), pa.int8(), pa.uint64(), pa.bool_(), pa.string(), pa.decimal128(25, 2)):
        assert read(reward=pa.array([1, 0] * 6).cast(pa.int64()).cast(kind)).reward.tolist() == [1.0, 0.0] * 6


def test_lists_may_have_a_fixed_length_and_texts_may_be_views() -> None:
    columns = whole()
    found = read(
        target_probabilities=pa.array(columns["target_probabilities"], pa.list_(pa.float64(), 3)),
        artworks=pa.array(columns["artworks"], pa.list_(pa.string(), 3)),
        excluded=pa.array([None] * 11 + ["robot"]).cast(pa.string_view()),
    )
    assert found.slates is not None
    assert found.slates.stated["target_probabilities"].tolist()[:3] == columns["target_probabilities"][0]
    assert (len(found), found.slates.names) == (11, ("t/a", "t/b", "t/c"))


def kinds() -> Iterator[pa.Array]:
    """Columns of every kind that Arrow has, most of which nobody means by anything."""
    numbers: list[Any] = [*range(ROWS)]
    for kind in (pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.string(), pa.duration("s"), pa.time32("s")):
        yield (
            pa.array(numbers).cast(pa.int32()).cast(pa.int64() if pa.types.is_duration(kind) else pa.int32()).cast(kind)
        )
    yield from (
        pa.array([value] * ROWS) for value in (float("nan"), float("inf"), 1e300, -1.0, 2**62, True, "x", "", b"a")
    )
    yield from (pa.array([value] * ROWS) for value in (b"\xff", decimal.Decimal("0.5"), MAY, dt.datetime(1500, 1, 1)))
    yield from (
        pa.array([value] * ROWS) for value in (["a"], [0.5], [None], [["a"]], {"a": 1}, [{"a": 1}], '["a"', "[1]")
    )
    yield pa.nulls(ROWS)
    yield pa.nulls(ROWS, pa.list_(pa.string()))
    yield pa.array([[]] * ROWS, pa.list_(pa.string()))
    yield pa.array([None, "a"] * 6).dictionary_encode()
    yield pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int64()))


QUICK = ("reward", "viewer", "artworks", "target_probabilities", "at", "position", "more")


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(each, marks=pytest.mark.slow) for each in CANONICAL if each not in QUICK)]
)
def test_whatever_a_column_is_it_is_read_or_named(name: str) -> None:
    wanted = (name,) if name == "more" else ()
    table = replace(IN_MEMORY, features=wanted, segments=wanted)
    remedies: list[str] = []
    for column in kinds():
        try:
            for part in from_frame(pa.table({**whole(), name: column}), table):
                assert all(len(rows) <= ROWS for rows in part.rows())
        except KeyartError as refused:
            remedies.append(refused.remedy)
    assert remedies
    assert all(remedies)


def test_a_column_that_is_there_twice_is_named() -> None:
    table = pa.table(whole())
    with pytest.raises(KeyartError, match="2 columns reward"):
        from_frame(table.append_column("reward", table["reward"]))
