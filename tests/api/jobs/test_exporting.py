"""The exported log holds every rewarded decision, and gives the same numbers back."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet
import pytest

from api.errors import StorageUnavailable
from api.jobs import exporting
from api.jobs.evaluating import OwnOrder, evaluate_own
from api.jobs.export_folder import held
from api.jobs.export_schema import SCHEMA
from api.jobs.exporting import export_log
from api.jobs.redacting import redact
from api.storage.database import open_engine, reading, transaction
from api.storage.exclusions import exclude_viewers, put_robot_days
from api.storage.outcomes import add_outcomes
from api.storage.pages import find_page, page_id_at
from api.storage.removal import remove_pages
from api.storage.rewards import rewarded_decisions
from bandit.decision import CellLabel, Outcome, OutcomeKind, PageId, Rung
from bandit.rewards import QUALITY_PLAY, TAKE
from bandit.sampling import draw, draw_uniform
from foundation.events import EventId
from tests.api.cli.command import Command
from tests.api.installation import Installation, an_outcome, decisions_of
from tests.api.learned import Learned
from tests.api.written import append


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
    own = evaluate_own(ready.engine, ready.blobs, OwnOrder(target="uniform")).evaluation.to_json()
    estimates = {each["estimator"]: each for each in found["estimates"]}
    assert {each["estimator"] for each in own["estimates"]} >= {"ips", "snips"}
    for ours in own["estimates"]:
        theirs = estimates[ours["estimator"]]
        assert theirs["value"] == pytest.approx(ours["value"], abs=1e-12)
        assert theirs["interval"]["low"] == pytest.approx(ours["interval"]["low"], abs=1e-9)
    assert (found["rows"], found["viewers"]) == (own["rows"], own["viewers"])


def log_page(installation: Installation, page: PageId, at: datetime, *, outcome_at: datetime | None = None) -> None:
    """Put a page of this id into the log, watched to the end, and join it."""
    with reading(installation.engine) as connection:
        shown = find_page(connection, PageId(installation.select()["page"]))
    assert append(installation.services.log, msgspec.structs.replace(shown, page=page, at=at), timeout=10)
    watch(installation, page, at=outcome_at or at)
    installation.join(now=datetime.now(UTC) + timedelta(days=1))


def watch(installation: Installation, page: PageId, *, at: datetime, event: str = "watched") -> None:
    """Tell that the first slot of a page was watched whole."""
    outcome = Outcome(event=EventId(event), page=page, slot=0, kind=OutcomeKind.WATCHED, at=at, seconds=6000.0)
    with transaction(installation.engine) as connection:
        add_outcomes(connection, [outcome], now=datetime.now(UTC))


def test_pages_decided_around_midnight_are_all_kept_whatever_their_stamps(harbor: Installation, tmp_path: Path) -> None:
    """An id and a stamp are taken one after the other: the days of stamps go back and forth in the order of ids."""
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    for named, stamped in [(-3, 1), (-2, -1), (0, 2)]:  # milliseconds around midnight, of the id and of the stamp
        page, at = page_id_at(midnight + timedelta(milliseconds=named)), midnight + timedelta(milliseconds=stamped)
        log_page(harbor, page, at)
    exported = export_log(harbor.engine, tmp_path / "log")
    assert [file.name for file in exported.files] == ["day=2026-11-21.parquet", "day=2026-11-22.parquet"]
    assert pyarrow.parquet.read_table(tmp_path / "log").num_rows == exported.rows == 3


DAYS = [datetime(2026, 10, day, 12, tzinfo=UTC) for day in (1, 2, 3)]


@pytest.fixture
def three_days(harbor: Installation) -> Installation:
    """An installation with a rewarded page on each of three days."""
    for at in DAYS:
        log_page(harbor, page_id_at(at), at)
    return harbor


def names(paths: Iterable[Path]) -> list[str]:
    return [path.name.removeprefix("day=2026-10-").removesuffix(".parquet") for path in paths]


def test_exporting_again_writes_nothing_and_leaves_no_draft(three_days: Installation, tmp_path: Path) -> None:
    first = export_log(three_days.engine, tmp_path / "log")
    before = {path: path.stat().st_mtime_ns for path in first.files}
    again = export_log(three_days.engine, tmp_path / "log")
    assert (names(first.written), names(again.written)) == (["01", "02", "03"], [])
    assert (again.files, again.rows) == (first.files, 3)
    assert {path: path.stat().st_mtime_ns for path in again.files} == before
    assert sorted((tmp_path / "log").iterdir()) == sorted(first.files)


def test_rows_are_read_when_nobody_else_writes_into_the_folder(three_days: Installation, tmp_path: Path) -> None:
    """An erasure removes rows, then holds the folder: what is written after it must not have been read before."""
    with ThreadPoolExecutor(1) as pool:
        with held(tmp_path):
            exported = pool.submit(export_log, three_days.engine, tmp_path)
            with pytest.raises(TimeoutError):
                exported.result(0.2)
            with transaction(three_days.engine) as connection:
                remove_pages(connection, [page_id_at(DAYS[0])])
        assert exported.result(10).rows == 2


def test_a_day_is_written_again_for_what_came_late_and_only_that_day(three_days: Installation, tmp_path: Path) -> None:
    export_log(three_days.engine, tmp_path / "log")
    second = page_id_at(DAYS[1])
    with transaction(three_days.engine) as connection:
        half = Outcome(event=EventId("half"), page=second, slot=0, kind=OutcomeKind.WATCHED, at=DAYS[1], seconds=3000.0)
        add_outcomes(connection, [half], now=datetime.now(UTC))
    three_days.join()
    again = export_log(three_days.engine, tmp_path / "log")
    assert names(again.written) == ["02"]


def test_a_page_that_is_removed_is_gone_from_its_file_and_an_empty_day_has_none(
    three_days: Installation, tmp_path: Path
) -> None:
    log_page(three_days, page_id_at(DAYS[0] + timedelta(seconds=1)), DAYS[0])
    assert export_log(three_days.engine, tmp_path / "log").rows == 4
    with transaction(three_days.engine) as connection:
        assert remove_pages(connection, [page_id_at(DAYS[0]), page_id_at(DAYS[2])]) == 2
    again = export_log(three_days.engine, tmp_path / "log")
    assert (names(again.written), names(again.files), again.rows) == (["01"], ["01", "02"], 2)
    kept = pyarrow.parquet.read_table(again.files[0]).to_pylist()
    assert [row["decision"] for row in kept] == [f"{page_id_at(DAYS[0] + timedelta(seconds=1))}-00"]
    stranger = tmp_path / "log" / "day=2020-01-01.parquet"
    stranger.write_bytes(again.files[0].read_bytes())
    assert export_log(three_days.engine, tmp_path / "log").removed == (stranger,)


@pytest.mark.parametrize("broken", [b"", b"no parquet at all"])
def test_a_damaged_file_is_written_again(three_days: Installation, tmp_path: Path, broken: bytes) -> None:
    first = export_log(three_days.engine, tmp_path / "log")
    first.files[1].write_bytes(broken)
    again = export_log(three_days.engine, tmp_path / "log")
    assert (names(again.written), again.rows) == (["02"], 3)


def test_another_definition_or_an_exclusion_writes_the_days_again(three_days: Installation, tmp_path: Path) -> None:
    export_log(three_days.engine, tmp_path / "log")
    other = export_log(three_days.engine, tmp_path / "log", reward=TAKE)
    assert names(other.written) == ["01", "02", "03"]
    viewer = three_days.keys.pseudonym("viewer-1")
    with transaction(three_days.engine) as connection:
        put_robot_days(connection, DAYS[2].date(), {viewer: "too many pages"})
    excluded = export_log(three_days.engine, tmp_path / "log", reward=TAKE)
    assert names(excluded.written) == ["03"]
    assert pyarrow.parquet.read_table(excluded.files[2])["excluded"].to_pylist() == ["too many pages"]
    with transaction(three_days.engine) as connection:
        exclude_viewers(connection, [viewer], reason="a test set", actor="test", now=DAYS[2])
    all_of_them = export_log(three_days.engine, tmp_path / "log", reward=TAKE)
    assert names(all_of_them.written) == ["01", "02", "03"]
    rows = pyarrow.parquet.read_table(tmp_path / "log").to_pylist()
    assert [row["excluded"] for row in rows] == ["a test set"] * 3


def test_every_column_says_what_the_page_says(harbor: Installation, tmp_path: Path) -> None:
    with reading(harbor.engine) as connection:
        shown = find_page(connection, PageId(harbor.select("harbor", "harbor", "harbor")["page"]))
    bounded = msgspec.structs.replace(shown.slots[0], bounds=((0.0, 0.5), (0.25, 1.0), (0.0, 1.0)), score=0.5)
    page = msgspec.structs.replace(
        shown,
        page=page_id_at(DAYS[0]),
        slots=(bounded, *shown.slots[1:]),
        rung=Rung.LAST_GOOD,
        kept=0.25,
        cell=CellLabel("warm/control"),
        diversity=0.5,
        viewer_vector=np.array([0.5, -1.0], "<f4").tobytes(),
        foundation_version="viewers-1",
        intent_vector=np.array([2.0], "<f4").tobytes(),
        intent_version="intents-1",
    )
    assert append(harbor.services.log, page, timeout=10)
    watch(harbor, page.page, at=page.at)
    with transaction(harbor.engine) as connection:
        seen = Outcome(event=EventId("seen"), page=page.page, slot=2, kind=OutcomeKind.SEEN, at=page.at)
        add_outcomes(connection, [seen], now=datetime.now(UTC))
    harbor.join()
    [file] = export_log(harbor.engine, tmp_path / "log").files
    played, looked_at = pyarrow.parquet.read_table(file).to_pylist()
    slot = page.slots[0]
    assert played == {
        "decision": f"{page.page}-00",
        "at": page.at,
        "viewer": page.viewer,
        "title": slot.title,
        "position": slot.position,
        "score": 0.5,
        "shown_at": page.request.at,
        "device": "tv",
        "row": None,
        "canvas": None,
        "locale": None,
        "artworks": [*slot.artworks],
        "images": [*slot.images],
        "probabilities": [*slot.probabilities],
        "bounds_low": [0.0, 0.25, 0.0],
        "bounds_high": [0.5, 1.0, 1.0],
        "diversity": 0.5,
        "artwork": slot.artwork,
        "propensity": slot.probability,
        "reason": slot.reason.value,
        "rung": "last_good",
        "kept": 0.25,
        "cell": "warm/control",
        "logged_policy": page.policy,
        "policy_digest": page.policy_digest,
        "draw_salt": page.salt,
        "draw_window": page.window,
        "embedding_version": page.embedding_version,
        "foundation_version": "viewers-1",
        "viewer_vector": [0.5, -1.0],
        "intent_version": "intents-1",
        "intent_vector": [2.0],
        "seen": True,
        "reward": 1.0,
        "reward_definition": QUALITY_PLAY,
        "reward_quality_play_1": 1.0,
        "reward_take_1": 1.0,
        "reward_watch_share_1": 1.0,
        "final": True,
        "excluded": None,
    }
    assert (looked_at["decision"], looked_at["reward"], looked_at["bounds_low"]) == (f"{page.page}-02", 0.0, None)


def test_an_exported_row_is_enough_to_do_its_draw_again(harbor: Installation, tmp_path: Path) -> None:
    page = harbor.select("harbor", "harbor", "harbor")
    harbor.report(*(an_outcome(decision, "seen") for decision in decisions_of(page)))
    harbor.join()
    [file] = export_log(harbor.engine, tmp_path / "log").files
    for row in pyarrow.parquet.read_table(file).to_pylist():
        drawn = draw_uniform(row["draw_salt"], row["viewer"], row["title"], row["draw_window"])
        assert row["artworks"][draw(row["probabilities"], drawn)] == row["artwork"]


def test_c4_a_decision_that_nobody_saw_has_a_row_where_it_is_asked_for_and_no_reward(
    harbor: Installation, tmp_path: Path
) -> None:
    page, unseen = harbor.select("harbor", "harbor"), harbor.select("harbor")
    harbor.report(an_outcome(decisions_of(page)[1], "played"))
    harbor.join(now=datetime.now(UTC) + timedelta(minutes=2))
    assert export_log(harbor.engine, tmp_path / "log").rows == 1
    asked = export_log(harbor.engine, tmp_path / "log", unseen=True)
    rows = pyarrow.parquet.read_table(asked.files[0]).to_pylist()
    assert [(row["decision"], row["seen"], row["reward"], row["reward_take_1"]) for row in rows] == [
        (f"{page['page']}-00", False, None, None),
        (f"{page['page']}-01", True, 0.75, 1.0),
        (f"{unseen['page']}-00", False, None, None),
    ]
    assert export_log(harbor.engine, tmp_path / "log", unseen=True).written == ()
    assert export_log(harbor.engine, tmp_path / "log").rows == 1


@pytest.mark.parametrize("erasing", [False, True])
def test_c11_a_draft_of_an_export_that_was_killed_goes_with_the_next_export_and_with_an_erasure(
    three_days: Installation, tmp_path: Path, erasing: bool
) -> None:
    """It names viewers and no reader ever looks at it: nobody else would remove it."""
    folder = tmp_path / "log"
    first = export_log(three_days.engine, folder)
    draft = folder / ".day=2026-10-01.parquet.4242"
    draft.write_bytes(first.files[0].read_bytes())
    if erasing:
        redact([folder], ["nobody"])
    else:
        export_log(three_days.engine, folder)
    assert sorted(folder.iterdir()) == sorted(first.files)


def test_a_file_of_somebody_else_is_left_alone(three_days: Installation, tmp_path: Path) -> None:
    stranger = tmp_path / "day=2020-01-01.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"sales": [1]}), stranger)
    assert export_log(three_days.engine, tmp_path).removed == ()
    assert stranger.exists()


def test_a_database_that_cannot_be_read_leaves_no_folder(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StorageUnavailable):
        export_log(engine, tmp_path / "log")
    engine.dispose()
    assert not (tmp_path / "log").exists()


def test_a_day_is_written_in_groups_of_rows_that_fit_into_memory(
    harbor: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_A_GROUP", 2)
    monkeypatch.setattr(exporting, "PAGES_AT_ONCE", 1)
    pages = [harbor.select("harbor") for _ in range(5)]
    harbor.report(*(an_outcome(decisions_of(page)[0], "seen") for page in pages))
    harbor.join()
    [file] = export_log(harbor.engine, tmp_path / "log").files
    known = pyarrow.parquet.read_metadata(file)
    assert [known.row_group(number).num_rows for number in range(known.num_row_groups)] == [2, 2, 1]


def test_decisions_whose_window_is_open_are_there_where_they_are_asked_for(
    harbor: Installation, tmp_path: Path
) -> None:
    page = harbor.select()
    harbor.report(an_outcome(decisions_of(page)[0], "seen"))
    harbor.join(window=timedelta(days=1))
    assert export_log(harbor.engine, tmp_path / "log").rows == 0
    asked = export_log(harbor.engine, tmp_path / "log", provisional=True)
    assert [row["final"] for row in pyarrow.parquet.read_table(asked.files[0]).to_pylist()] == [False]


def test_the_command_says_what_it_wrote(
    learned_home: Path, learned: Learned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyart = Command(capsys)
    found = keyart("log", "export", "--out", tmp_path / "log", "--home", learned_home, "--json").json()
    assert found["rows"] == learned.manifest.rows + learned.manifest.held_out
    assert all(Path(file).is_file() for file in found["files"])
    (tmp_path / "file").write_text("in the way")
    assert "--out" in keyart("log", "export", "--out", tmp_path / "file", "--home", learned_home).refusal()
