"""Engines and transactions: what is durable, who waits for whom, and how a database that fails is named."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from api.errors import BadSettings, StorageUnavailable
from api.storage.database import Turns, make_file, open_engine, reading, transaction
from api.storage.revisions import Revision, current_revision, next_revision
from api.storage.tables import artwork_vectors


def test_sqlite_is_a_safe_build_with_safe_settings(sqlite_engine: Engine) -> None:
    with reading(sqlite_engine) as connection:
        found = [
            connection.scalar(text(question))
            for question in ("PRAGMA journal_mode", "PRAGMA synchronous", "PRAGMA foreign_keys")
        ]
        version = str(connection.scalar(text("SELECT sqlite_version()")))
    assert found == ["wal", 2, 1]
    assert tuple(map(int, version.split("."))) > (3, 51, 2)  # the last with the WAL-reset bug


def test_a_transaction_is_written_whole_or_not_at_all(engine: Engine) -> None:
    def fail() -> None:
        with transaction(engine) as connection:
            next_revision(connection, Revision.CATALOG)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with transaction(engine) as connection:
        assert current_revision(connection, Revision.CATALOG) == 0


def test_revisions_count_the_changes_of_each_name(engine: Engine) -> None:
    with transaction(engine) as connection:
        counted = [next_revision(connection, Revision.CATALOG) for _ in range(3)]
        assert counted == [1, 2, 3]
        assert current_revision(connection, Revision.DEPLOYMENTS) == 0


def test_two_writers_of_a_revision_take_turns(engine: Engine) -> None:
    def count() -> None:
        for _ in range(10):
            with transaction(engine) as connection:
                next_revision(connection, Revision.CATALOG)

    writers = [threading.Thread(target=count) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with reading(engine) as connection:
        assert current_revision(connection, Revision.CATALOG) == 40


def test_a_locked_database_is_named_and_reading_goes_on(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine):
        with reading(sqlite_engine) as connection:
            assert current_revision(connection, Revision.CATALOG) == 0
        with pytest.raises(StorageUnavailable, match="locked"), transaction(sqlite_engine):
            raise AssertionError("two writers at once")


def test_a_full_disk_is_named_and_nothing_is_half_written(sqlite_engine: Engine) -> None:
    def fill() -> None:
        with transaction(sqlite_engine) as connection:
            next_revision(connection, Revision.CATALOG)
            connection.execute(text("PRAGMA max_page_count = 1"))
            connection.execute(text("CREATE TABLE large AS SELECT randomblob(10000000)"))

    with pytest.raises(StorageUnavailable, match="full"):
        fill()
    with reading(sqlite_engine) as connection:
        assert current_revision(connection, Revision.CATALOG) == 0


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keyart.db").write_bytes(b"no database at all" * 1000)
    engine = open_engine(f"sqlite:///{tmp_path}/keyart.db")
    with pytest.raises(StorageUnavailable, match="damaged"), reading(engine):
        pass
    engine.dispose()


def test_a_database_that_is_not_migrated_says_how(empty_url: str) -> None:
    engine = open_engine(empty_url)
    with pytest.raises(StorageUnavailable, match="keyart migrate"), transaction(engine) as connection:
        next_revision(connection, Revision.CATALOG)
    engine.dispose()


def test_a_server_that_is_down_is_named_in_seconds() -> None:
    engine = open_engine("postgresql://keyart:password1@127.0.0.1:1/keyart")
    with pytest.raises(StorageUnavailable, match="cannot be reached") as caught, reading(engine):
        pass
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("statement", ["SELECT 1 +", "CREATE TABLE jobs (job INTEGER)"])
def test_a_wrong_statement_is_not_blamed_on_the_database(engine: Engine, statement: str) -> None:
    with pytest.raises(SQLAlchemyError), transaction(engine) as connection:
        connection.execute(text(statement))


def test_a_broken_constraint_is_not_blamed_on_the_database_and_shows_no_value(engine: Engine) -> None:
    orphan = {"image": "a-secret-value", "embedding_version": "none", "vector": b""}
    with pytest.raises(IntegrityError) as caught, transaction(engine) as connection:
        connection.execute(artwork_vectors.insert(), orphan)
    assert "[SQL parameters hidden" in str(caught.value)


@pytest.mark.parametrize("url", ["", "keyart.db", "sqlite://", "sqlite:///:memory:", "mysql://host/name", "://"])
def test_an_address_that_keyart_cannot_use_is_refused(url: str) -> None:
    with pytest.raises(BadSettings, match="Use sqlite:////"):
        open_engine(url)


def test_the_folder_of_an_sqlite_file_is_made_or_named(tmp_path: Path) -> None:
    make_file(open_engine(f"sqlite:///{tmp_path}/a/b/keyart.db"))
    assert (tmp_path / "a" / "b" / "keyart.db").is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="cannot be made"):
        make_file(open_engine(f"sqlite:///{tmp_path}/file/keyart.db"))


@pytest.mark.parametrize("use", [reading, transaction])
def test_an_sqlite_file_that_is_missing_is_not_made_by_using_it(
    tmp_path: Path, use: Callable[[Engine], AbstractContextManager[Connection]]
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/keyart.db")
    with pytest.raises(StorageUnavailable, match="migrate"), use(engine):
        pass
    assert list(tmp_path.iterdir()) == []
    make_file(engine)
    with use(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_those_who_write_much_take_turns_on_sqlite(tmp_path: Path) -> None:
    turns = Turns(open_engine(f"sqlite:///{tmp_path / 'keyart.db'}"), seconds=0.05)
    inside = threading.Event()
    leave = threading.Event()

    def hold() -> None:
        with turns.taken():
            inside.set()
            leave.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(30)
    with pytest.raises(StorageUnavailable, match="locked or busy"), turns.taken():
        raise AssertionError("two at once")
    leave.set()
    holder.join()
    with turns.taken():
        pass


def test_nobody_waits_for_a_turn_on_postgresql() -> None:
    turns = Turns(open_engine("postgresql://nobody@127.0.0.1/none"), seconds=0.05)
    with turns.taken(), turns.taken():
        pass
