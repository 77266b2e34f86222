"""Erasing goes on where it died, on both databases, and leaves everybody else alone."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, Engine, func, insert, select

from api.dependencies.viewers import order_erasure
from api.errors import BadInput, StorageUnavailable
from api.jobs.erasing import erase_waiting
from api.jobs.export_folder import held, remove_drafts
from api.jobs.redacting import redact
from api.security import Keys
from api.settings import Settings
from api.storage.audit_log import By
from api.storage.database import reading, transaction
from api.storage.erasure import end_erasure, find_erasure, open_erasures
from api.storage.events import add_events, count_events, histories
from api.storage.pages import count_decisions, encode_page, read_pages
from api.storage.privacy_tables import erasures
from api.storage.tables import pages
from bandit.decision import Page
from foundation.events import Action, Event, EventId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = Keys(b"the secret of the tests")


@pytest.fixture
def fill(engine: Engine, make_page: Callable[..., Page]) -> Callable[..., None]:
    """Put events and pages of viewers, one after the other."""

    def fill(*viewers: str, each: int = 3) -> None:
        with transaction(engine) as connection:
            for number in range(each):
                for viewer in viewers:
                    add_events(connection, [event(viewer, number)], now=NOW)
                    put_page(connection, make_page(viewer=KEYS.pseudonym(viewer)))

    return fill


def event(viewer: str, number: int) -> Event:
    at = NOW + timedelta(minutes=number)
    return Event(
        event=EventId(f"{viewer}{number}"), viewer=KEYS.pseudonym(viewer), title="t", action=Action.PLAY, at=at
    )


def put_page(connection: Connection, page: Page) -> None:
    row = {"page": page.page, "at": page.at, "viewer": page.viewer, "policy": page.policy, "slots": len(page.slots)}
    known = {"embedding_version": page.embedding_version, "body": encode_page(page)}
    connection.execute(insert(pages).values(**row, **known))


def ask(engine: Engine, viewer: str) -> int:
    with transaction(engine) as connection:
        return order_erasure(connection, KEYS, viewer, by=By("cli:op"), now=NOW)


def write_export(folder: Path, *viewers: str, name: str = "day=2026-03-01.parquet") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    named = [KEYS.pseudonym(viewer) for viewer in viewers]
    pq.write_table(pa.table({"viewer": named, "reward": [0.5] * len(named)}), path, row_group_size=2)
    return path


def test_one_viewer_goes_whole_and_the_others_stay(engine: Engine, fill: Callable[..., None], tmp_path: Path) -> None:
    fill("ada", "grace", "joan", each=70)
    number = ask(engine, "ada")
    [ended] = erase_waiting(engine, Settings(home=tmp_path))
    assert (ended.erasure, ended.pages, ended.events, ended.viewers) == (number, 70, 70, ())
    with reading(engine) as connection:
        assert {viewer for viewer, _ in histories(connection)} == {KEYS.pseudonym("grace"), KEYS.pseudonym("joan")}
        assert count_events(connection) == 140
        assert connection.scalar(select(func.count()).select_from(erasures).where(erasures.c.viewers.is_not(None))) == 0
    assert {page.viewer for page in read_pages(engine)} == {KEYS.pseudonym("grace"), KEYS.pseudonym("joan")}
    assert erase_waiting(engine, Settings(home=tmp_path)) == []
    with transaction(engine) as connection:
        assert not end_erasure(connection, number, now=NOW), "whoever else was at it ends it no second time"


def test_what_stops_half_way_goes_on_and_says_why_it_stopped(
    engine: Engine, fill: Callable[..., None], tmp_path: Path
) -> None:
    fill("ada", "grace")
    exports = tmp_path / "exports"
    good = write_export(exports, "ada", "grace", "ada")
    damaged = exports / "day=2026-03-02.parquet"
    damaged.write_bytes(b"PAR1 and then nothing")
    number = ask(engine, "ada")
    with pytest.raises(BadInput, match=r"day=2026-03-02\.parquet cannot be searched.* --resume"):
        erase_waiting(engine, Settings(home=tmp_path))
    with reading(engine) as connection:
        [waiting] = open_erasures(connection)
        assert (waiting.pages, waiting.events, waiting.viewers) == (3, 3, KEYS.pseudonyms("ada"))
        assert count_decisions(connection)[0] == 3
    damaged.unlink()
    [ended] = erase_waiting(engine, Settings(home=tmp_path))
    assert (ended.erasure, ended.pages, ended.events) == (number, 3, 3)
    assert pq.read_table(good)["viewer"].to_pylist() == [KEYS.pseudonym("grace")]


def test_a_reader_who_holds_the_write_ahead_log_only_delays_the_end(
    sqlite_engine: Engine, make_page: Callable[..., Page], tmp_path: Path
) -> None:
    engine = sqlite_engine
    with transaction(engine) as connection:
        put_page(connection, make_page(viewer=KEYS.pseudonym("ada")))
    number = ask(engine, "ada")
    with reading(engine) as reader:
        assert count_decisions(reader)[0] == 1
        with pytest.raises(StorageUnavailable, match="What was removed stays so"):
            erase_waiting(engine, Settings(home=tmp_path))
        with reading(engine) as connection:
            assert find_erasure(connection, number).ended_at is None
    [ended] = erase_waiting(engine, Settings(home=tmp_path))
    assert ended.ended_at is not None
    assert KEYS.pseudonym("ada").encode() not in Path(str(engine.url.database)).read_bytes()


def test_exports_elsewhere_are_redacted_when_they_are_named(tmp_path: Path) -> None:
    here, there = write_export(tmp_path / "here", "ada", "grace"), write_export(tmp_path / "there" / "deep", "ada")
    foreign = tmp_path / "here" / "other.parquet"
    pq.write_table(pa.table({"number": [1]}), foreign)
    before = foreign.read_bytes()
    assert redact([tmp_path / "here", tmp_path / "there", tmp_path / "nowhere"], KEYS.pseudonyms("ada")) == 2
    assert pq.read_table(here)["viewer"].to_pylist() == [KEYS.pseudonym("grace")]
    assert pq.read_table(there).num_rows == 0
    assert foreign.read_bytes() == before
    assert redact([tmp_path], KEYS.pseudonyms("ada")) == 0


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """It may be made from rows that were read before they were removed."""
    with ThreadPoolExecutor(1) as pool:
        with held(tmp_path):
            redacted = pool.submit(redact, [tmp_path], KEYS.pseudonyms("ada"))
            with pytest.raises(TimeoutError):
                redacted.result(0.2)
            path = write_export(tmp_path, "ada", "grace")
        assert redacted.result(10) == 1
    assert pq.read_table(path)["viewer"].to_pylist() == [KEYS.pseudonym("grace")]


def test_c11_drafts_of_exports_that_died_are_removed_at_once_and_on_disks_without_locks_the_old_ones(
    tmp_path: Path,
) -> None:
    old, fresh = (write_export(tmp_path, "ada", name=f".day=2026-03-0{day}.parquet.77") for day in (1, 2))
    long_ago = NOW.timestamp() - 10**8
    os.utime(old, (long_ago, long_ago))
    remove_drafts(tmp_path, alone=False)
    assert (old.exists(), fresh.exists()) == (False, True)
    redact([tmp_path], KEYS.pseudonyms("ada"))
    assert not fresh.exists()
