"""The exported log holds every rewarded decision, and gives the same numbers back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow.parquet
import pytest

from api.jobs.evaluating import evaluate_version
from api.jobs.exporting import SCHEMA, export_log
from api.storage.database import reading, transaction
from api.storage.pages import find_page, page_id_at
from api.storage.rewards import put_rewards, rewarded_decisions
from bandit.decision import PageId, PolicyVersionId, Reward
from bandit.rewards import QUALITY_PLAY
from tests.api.cli.command import Command
from tests.api.installation import Installation
from tests.api.learned import Learned


def test_every_rewarded_decision_is_one_row(ready: Installation, tmp_path: Path) -> None:
    exported = export_log(ready.engine, tmp_path / "log")
    decisions = list(rewarded_decisions(ready.engine, definition=QUALITY_PLAY))
    assert exported.rows == len(decisions)
    table = pyarrow.parquet.read_table(tmp_path / "log")
    assert table.num_rows == len(decisions)
    assert set(table.schema.names) >= set(SCHEMA.names)
    rows = {row["decision"]: row for row in table.to_pylist()}
    assert len(rows) == len(decisions)
    for decision in decisions[:20]:
        row = rows[f"{decision.page.page}-{decision.slot:02d}"]
        assert (row["artwork"], row["propensity"]) == (decision.decision.artwork, decision.decision.probability)
        assert (row["viewer"], row["reward"]) == (decision.page.viewer, decision.reward)
        assert row["at"] == decision.page.at


def test_the_export_gives_the_same_uniform_baseline_back(
    ready: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_log(ready.engine, tmp_path / "log")
    found = Command(capsys)("evaluate", "--log", tmp_path / "log", "--policy", "uniform", "--json").json()
    own = evaluate_version(ready.engine, ready.blobs, version=PolicyVersionId("uniform")).evaluation.to_json()
    for theirs, ours in zip(found["estimates"], own["estimates"], strict=True):
        assert theirs["estimator"] == ours["estimator"]
        assert theirs["value"] == pytest.approx(ours["value"], abs=1e-12)
        assert theirs["interval"]["low"] == pytest.approx(ours["interval"]["low"], abs=1e-9)
    assert (found["rows"], found["viewers"]) == (own["rows"], own["viewers"])


def test_pages_decided_around_midnight_are_all_kept_whatever_their_stamps(harbor: Installation, tmp_path: Path) -> None:
    """An id and a stamp are taken one after the other: the days of stamps go back and forth in the order of ids."""
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    taken = [(-3, 1), (-2, -1), (1, 2)]  # milliseconds around midnight, of the id and of the stamp
    with reading(harbor.engine) as connection:
        shown = find_page(connection, PageId(harbor.select()["page"]))
    for named, stamped in taken:
        page, at = page_id_at(midnight + timedelta(milliseconds=named)), midnight + timedelta(milliseconds=stamped)
        assert harbor.services.log.append(msgspec.structs.replace(shown, page=page, at=at), timeout=10)
        with transaction(harbor.engine) as connection:
            put_rewards(connection, [Reward(page=page, slot=0, definition=QUALITY_PLAY, value=1.0, final=True)])
    exported = export_log(harbor.engine, tmp_path / "log")
    assert [file.name for file in exported.files] == ["day=2026-11-21.parquet", "day=2026-11-22.parquet"]
    assert pyarrow.parquet.read_table(tmp_path / "log").num_rows == exported.rows == 3


def test_exporting_again_leaves_the_same_files_and_no_draft(ready: Installation, tmp_path: Path) -> None:
    first = export_log(ready.engine, tmp_path / "log")
    before = {path: path.read_bytes() for path in first.files}
    again = export_log(ready.engine, tmp_path / "log")
    assert again == first
    assert {path: path.read_bytes() for path in again.files} == before
    assert sorted((tmp_path / "log").iterdir()) == sorted(first.files)


def test_the_command_says_what_it_wrote(
    learned_home: Path, learned: Learned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyart = Command(capsys)
    found = keyart("log", "export", "--out", tmp_path / "log", "--home", learned_home, "--json").json()
    assert found["rows"] == learned.manifest.rows + learned.manifest.held_out
    assert all(Path(file).is_file() for file in found["files"])
    (tmp_path / "file").write_text("in the way")
    assert "--out" in keyart("log", "export", "--out", tmp_path / "file", "--home", learned_home).refusal()
