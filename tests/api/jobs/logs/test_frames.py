"""Tables in memory and questions to DuckDB give the same rows as files do."""

import importlib
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from api.jobs.logs import frames
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.frames import IN_MEMORY, from_frame
from api.jobs.logs.parts import LogPart
from bandit.ope.logged import Logged
from tests.api.jobs import golden
from tests.api.jobs.logs.written import as_parquet, numbers, read, whole


@pytest.fixture(autouse=True)
def duckdb() -> Any:
    return pytest.importorskip("duckdb", reason="DuckDB is not installed")


class Handing:
    """A data frame of a library that hands over Arrow: views of texts, and dictionaries, as polars does."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


def rows_of(parts: list[LogPart]) -> list[Logged]:
    return [rows for part in parts for rows in part.rows()]


def eligible(batches: list[Logged]) -> list[str]:
    return [batch.slates.names[code] for batch in batches if batch.slates for code in batch.slates.artworks.tolist()]


def test_a_frame_is_a_log(tmp_path: Path, duckdb: Any) -> None:
    reference = read(as_parquet(whole(), tmp_path / "log.parquet"))
    table = pa.table(whole())
    views = pa.table(
        {
            **{name: table[name] for name in table.column_names},
            "viewer": table["viewer"].cast(pa.string_view()),
            "title": table["title"].dictionary_encode(),
            "artworks": table["artworks"].cast(pa.large_list(pa.string_view())),
            "artwork": table["artwork"].cast(pa.string_view()),
        }
    )
    for frame in (table, Handing(views), duckdb.connect().from_arrow(table)):
        found = rows_of(from_frame(frame))
        assert numbers(found, "propensity") == golden.PROPENSITY
        assert numbers(found, "viewers") == numbers(reference, "viewers")
        assert eligible(found) == eligible(reference)


def test_a_frame_is_cut_and_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PART_ROWS", 5)
    cut = pickle.loads(pickle.dumps(from_frame(pa.table(whole()))))
    assert [part.first for part in cut] == [0, 5, 10]
    assert numbers(rows_of(cut), "reward") == golden.REWARD
    assert rows_of(from_frame(pa.table(whole()).slice(0, 0))) == []


def test_a_frames_columns_are_mapped() -> None:
    table = pa.table(golden.columns()).rename_columns(["p", "clicked", "pi"])
    names = {"propensity": "p", "reward": "clicked", "target_propensity": "pi"}
    assert numbers(rows_of(from_frame(table, replace(IN_MEMORY, names=names))), "reward") == golden.REWARD


def test_what_hands_over_no_arrow_is_named() -> None:
    with pytest.raises(BadLog, match="list"):
        from_frame([1, 2, 3])
    with pytest.raises(BadLog) as refused:
        from_frame(pa.table({"reward": [1.0]}))
    assert refused.value.reason == "no_propensities"


def database(path: Path, **tables: pa.Table) -> Path:
    with importlib.import_module("duckdb").connect(str(path)) as connection:
        for name, table in tables.items():
            connection.register("given", table)
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
    return path


def test_a_duckdb_file_is_a_log_and_stays_as_it_is(tmp_path: Path) -> None:
    path = database(tmp_path / "log.duckdb", **{"my log": pa.table(whole())})
    before = path.read_bytes()
    found = read(path)
    assert numbers(found, "reward") == golden.REWARD
    assert eligible(found)[:3] == ["t/a", "t/b", "t/c"]
    query = "SELECT *, reward > 0 AS played FROM \"my log\" WHERE title = 't'"
    asked = read(path, query=query, names={"reward": "played"})
    assert numbers(asked, "reward") == golden.REWARD
    with pytest.raises(BadLog, match="read-only"):
        read(path, query='DELETE FROM "my log" RETURNING *')
    assert path.read_bytes() == before


def test_a_question_in_a_file_is_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    as_parquet(whole(), tmp_path / "log.parquet")
    (tmp_path / "log.sql").write_text("SELECT * FROM 'log.parquet' WHERE reward > 0;\n")
    assert numbers(read(tmp_path / "log.sql"), "reward") == [1.0] * 6


@pytest.mark.parametrize(
    ("query", "reason"),
    [(None, "several_tables"), ("SELECT * FROM nowhere", "unreadable_file"), ("SELEKT", "unreadable_file")],
)
def test_what_duckdb_cannot_answer_is_named(tmp_path: Path, query: str | None, reason: str) -> None:
    table = pa.table(golden.columns())
    path = database(tmp_path / "log.duckdb", one=table, two=table)
    with pytest.raises(BadLog) as refused:
        read(path, query=query)
    assert refused.value.reason == reason


def test_other_damage_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.duckdb").write_text("this is no database")
    with pytest.raises(BadLog, match="DuckDB"):
        read(tmp_path / "log.duckdb")
    (tmp_path / "log.sql").write_text("CREATE TABLE t AS SELECT 1 AS a")
    with pytest.raises(BadLog):
        read(tmp_path / "log.sql")
    with pytest.raises(BadLog, match="query"):
        read(as_parquet(golden.columns(), tmp_path / "log.parquet"), query="SELECT 1")


def test_without_the_library_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    (tmp_path / "log.duckdb").write_text("")
    with pytest.raises(BadLog, match=r"keyart\[duckdb\]"):
        read(tmp_path / "log.duckdb")
