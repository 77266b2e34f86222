"""The same log in every format gives the same rows; what a file cannot say is named with its row."""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.feather
import pytest

from api.jobs.logs import arrow_files, lines
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.frames import from_frame
from api.jobs.logs.parts import parts
from api.jobs.logs.table import LogTable
from bandit.ope.logged import Logged
from tests.api.jobs import golden
from tests.api.jobs.logs.written import as_parquet, numbers, read, whole

Columns = Mapping[str, Any]


def as_csv(columns: Columns, path: Path) -> Path:
    flat = {name: [json.dumps(one) if isinstance(one, list) else one for one in own] for name, own in columns.items()}
    pc.write_csv(pa.table(flat), path)
    return path


def as_json_lines(columns: Columns, path: Path) -> Path:
    rows = pa.table(dict(columns)).to_pylist()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def as_arrow(columns: Columns, path: Path) -> Path:
    pyarrow.feather.write_feather(pa.table(dict(columns)), path, chunksize=5)
    return path


def as_stream(columns: Columns, path: Path) -> Path:
    table = pa.table(dict(columns))
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    return path


def squeezed(write: Callable[[Columns, Path], Path]) -> Callable[[Columns, Path], Path]:
    def both(columns: Columns, path: Path) -> Path:
        path.write_bytes(gzip.compress(write(columns, path.with_suffix("")).read_bytes()))
        path.with_suffix("").unlink()
        return path

    return both


WRITERS: dict[str, Callable[[Columns, Path], Path]] = {
    "log.parquet": as_parquet,
    "log.csv": as_csv,
    "log.csv.gz": squeezed(as_csv),
    "log.jsonl": as_json_lines,
    "log.jsonl.gz": squeezed(as_json_lines),
    "log.feather": as_arrow,
    "stream.arrow": as_stream,
}


def said(batches: list[Logged]) -> dict[str, Any]:
    """All that the rows say, as plain values."""
    slates = [batch.slates for batch in batches if batch.slates is not None]
    names = [slate.names[code] for slate in slates for code in slate.artworks.tolist()]
    return {
        **{name: numbers(batches, name) for name in ("propensity", "reward", "viewers")},
        "target": [each for batch in batches for each in batch.stated["target_propensity"].tolist()],
        "eligible": names,
        "target_probabilities": [each for slate in slates for each in slate.stated["target_probabilities"].tolist()],
        "titles": [
            batch.titles.names[code] for batch in batches if batch.titles for code in batch.titles.codes.tolist()
        ],
    }


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    reference = said(read(as_parquet(whole(), tmp_path / "reference.parquet")))
    assert said(read(WRITERS[name](whole(), tmp_path / name))) == reference
    assert len(reference["eligible"]) == 36


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_is_one_log_and_rows_are_numbered_through(tmp_path: Path, name: str) -> None:
    columns = whole() | {"reward": [str(each) for each in golden.REWARD[:11]] + ["much"]}
    for part, rows in enumerate((slice(0, 5), slice(5, 12))):
        WRITERS[name]({own: values[rows] for own, values in columns.items()}, tmp_path / f"{part}{name}")
    with pytest.raises(BadLog) as refused:
        read(tmp_path)
    assert (refused.value.reason, refused.value.rows) == ("wrong_type", (11,))


def test_long_files_of_lines_are_cut_between_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "RANGE_BYTES", 700)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)
    log = as_json_lines(whole(), tmp_path / "log.jsonl")
    found = parts(LogTable(path=log))
    assert len(found) > 2
    batches = [rows for part in found for rows in part.rows()]
    assert numbers(batches, "reward") == golden.REWARD
    assert numbers(batches, "numbers") == [*range(golden.ROWS)]


def test_a_line_that_is_cut_off_is_named_by_its_number_in_the_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)
    log = as_json_lines(whole(), tmp_path / "log.jsonl")
    log.write_text(log.read_text().rstrip()[:-4])
    with pytest.raises(BadLog) as refused:
        read(log)
    assert refused.value.rows == (11,)
    assert re.findall(r"rows? \d+", refused.value.message) == ["row 11"]


def test_arrow_files_are_cut_between_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_files, "PART_ROWS", 5)
    found = parts(LogTable(path=as_arrow(golden.columns(), tmp_path / "log.arrow")))
    assert [part.first for part in found] == [0, 5, 10]
    assert numbers([rows for part in found for rows in part.rows()], "reward") == golden.REWARD


def test_what_lies_in_an_inner_object_is_named_with_a_dot(tmp_path: Path) -> None:
    rows = [{"p": 0.5, "reward": 1, "context": {"viewer": {"id": f"v{n}"}}} for n in range(3)]
    (tmp_path / "log.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    [found] = read(tmp_path / "log.ndjson", names={"propensity": "p", "viewer": "context.viewer.id"})
    assert found.viewers is not None
    assert len(set(found.viewers.tolist())) == 3


def test_a_column_may_be_whole_numbers_in_one_block_and_lack_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 40)
    rows = ['{"propensity":0.5,"reward":1,"kept":1}', '{"propensity":0.5,"reward":0.5,"kept":0.5}', '{"reward":0.25}']
    (tmp_path / "log.jsonl").write_text("\n".join(rows) + "\n\n")
    found = read(tmp_path / "log.jsonl")
    assert numbers(found, "reward") == [1.0, 0.5, 0.25]
    assert numbers(found, "propensity")[:2] == [0.5, 0.5]
    assert numbers(found, "propensity")[2] != numbers(found, "propensity")[2]


@pytest.mark.parametrize(
    ("name", "content", "reason", "rows"),
    [
        ("log.csv", "propensity,reward\n0.5,1\n0.5,a lot\n", "wrong_type", (1,)),
        ("log.csv", "propensity,reward\n0.5,1\n0.5\n", "unreadable_file", (1,)),
        ("log.csv", "", "unreadable_file", ()),
        ("log.csv.gz", "this is not compressed", "unreadable_file", ()),
        ("log.csv", 'propensity,reward,artworks\n0.5,1,"[""a""]"\n0.5,1,a|b\n', "wrong_type", (1,)),
        ("log.jsonl", '{"propensity":0.5,"reward":1}\n{"propensity":0.5\n', "unreadable_file", (1,)),
        ("log.jsonl", '{"propensity":0.5,"reward":1}\n{"propensity":0.5,"reward":"x"}\n', "wrong_type", (1,)),
        ("log.jsonl", "\n", "no_rows", ()),
        ("log.jsonl.gz", "this is not compressed", "unreadable_file", ()),
        ("log.arrow", "this is no arrow", "unreadable_file", ()),
        ("log.feather", "", "unreadable_file", ()),
        ("log.parquet", "this is no parquet", "unreadable_file", ()),
        ("log.xlsx", "x", "unknown_format", ()),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: str, reason: str, rows: tuple[int, ...]) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadLog) as refused:
        read(tmp_path / name)
    assert (refused.value.reason, refused.value.rows) == (reason, rows)
    assert name in refused.value.message or rows


def test_a_log_is_one_file_or_a_folder_of_one_format(tmp_path: Path) -> None:
    with pytest.raises(BadLog, match="no file or folder"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(BadLog, match="no log"):
        read(tmp_path)
    as_csv(golden.columns(), tmp_path / "log.csv")
    (tmp_path / "notes.txt").write_text("not meant")
    (tmp_path / "_metadata.parquet").write_text("not meant")
    assert numbers(read(tmp_path), "reward") == golden.REWARD
    as_parquet(golden.columns(), tmp_path / "log.parquet")
    with pytest.raises(BadLog) as refused:
        read(tmp_path)
    assert refused.value.reason == "several_formats"


def test_files_of_a_folder_need_the_same_columns(tmp_path: Path) -> None:
    as_csv(golden.columns(), tmp_path / "a.csv")
    as_csv({"propensity": [0.5]}, tmp_path / "b.csv")
    with pytest.raises(BadLog) as refused:
        read(tmp_path)
    assert refused.value.reason == "column_missing"


def test_what_lies_in_a_structure_is_named_with_a_dot(tmp_path: Path) -> None:
    inner = [{"device": f"d{number % 2}", "who": {"id": f"v{number % 4}"}} for number in range(golden.ROWS)]
    columns = {**golden.columns(), "context": inner, "other": inner}
    names = {"viewer": "context.who.id"}
    for log in (as_parquet(columns, tmp_path / "log.parquet"), as_json_lines(columns, tmp_path / "log.jsonl")):
        [found] = read(log, names=names, segments=["context.device"])
        assert found.viewers is not None
        assert len(set(found.viewers.tolist())) == 4
        assert found.labels["context.device"].names == ("d0", "d1")
    [part] = from_frame(pa.table(columns), LogTable(path=tmp_path, names=names))
    assert [len(set(numbers([rows], "viewers"))) for rows in part.rows()] == [4]


def test_a_damaged_line_of_a_later_part_has_its_number_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "RANGE_BYTES", 400)
    for name, line in (("log.jsonl", '{"propensity":0.5,"reward":1}'), ("log.dsjson", '{"a":[1],"p":[1.0],"c":{}}')):
        (tmp_path / name).write_text((line + "\n") * 40 + "{damaged\n" + (line + "\n") * 40)
        with pytest.raises(BadLog) as refused:
            read(tmp_path / name)
        assert refused.value.rows == (40,)
        assert "row 40" in refused.value.message
