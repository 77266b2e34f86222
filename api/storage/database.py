"""The database: an engine for SQLite or PostgreSQL, and transactions on it. Knows no tables.

SQLite goes through pysqlite3: the library of Python 3.11 is in the range of SQLite's WAL-reset corruption bug.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pysqlite3  # pyright: ignore[reportMissingTypeStubs]
from psycopg.abc import PQGen
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.errors import BadSettings, StorageUnavailable

Answer = TypeVar("Answer")

BUSY_SECONDS = 5.0
WAIT_INTERVAL = 0.1
WAL_ATTEMPTS = 10
WAL_PAUSE_SECONDS = 0.02
WAL_WAITED_SECONDS = 0.2
"""An answer that takes longer was waited for by SQLite itself."""
_READING = "keyart_reading"
_LOCKED = "The database is locked or busy.", "Try again; end the process that holds the lock."


def open_engine(url: str, *, busy_seconds: float = BUSY_SECONDS, answer_seconds: float | None = None) -> Engine:
    """Return an engine for `url` without connecting. An SQLite file that is missing is not made: see `make_file`.

    `busy_seconds` is how long a transaction waits for another's lock (SQLite) or for a connection (PostgreSQL).
    `answer_seconds` bounds the wait for the answer to one statement of a server (PostgreSQL); None: as long as it
    takes. A server that hangs, or a network that swallows what is sent, answers nothing and closes nothing.

    Raises:
        BadSettings: the URL is none, names a database that is not supported, or SQLite's in-memory one, which
            would lose the log.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, busy_seconds)
    return _open_postgresql(parsed, busy_seconds, answer_seconds)


def make_file(engine: Engine) -> None:
    """Make the empty file of an SQLite database, and its folder, where they are missing; a server makes its own.

    Nothing else does, so a command that is pointed at a wrong folder leaves nothing there.

    Raises:
        BadSettings: the folder cannot be made.
    """
    if engine.dialect.name != "sqlite":
        return
    path = Path(engine.url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"The folder {path.parent} cannot be made: {error.strerror}.", "Choose another.") from error
    with suppress(OSError):  # what connects will say why
        path.touch()


@contextmanager
def transaction(engine: Engine) -> Generator[Connection]:
    """Yield a connection in a transaction that may write; it commits at the end and rolls back on any exception.

    On SQLite it takes the write lock at once, so it cannot fail half way because another writer came between.

    Raises:
        StorageUnavailable: the database is locked, full, down or not migrated; nothing was written.
    """
    with _named_mistakes(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """Yield a connection in a transaction that only reads; on SQLite it never waits for a writer.

    Raises:
        StorageUnavailable: the database is down or not migrated.
    """
    with _named_mistakes(), engine.execution_options(**{_READING: True}).begin() as connection:
        yield connection


class Turns:
    """Lets the threads of a process that write much into SQLite do so one after the other.

    SQLite lets one write at a time, and those who wait look again ever more seldom: among many, the one that has waited
    longest waits on, and is told in the end that the database is locked. PostgreSQL needs no turns.
    """

    def __init__(self, engine: Engine, *, seconds: float = BUSY_SECONDS) -> None:
        """`seconds` is how long a turn is waited for."""
        self._lock = threading.Lock() if engine.dialect.name == "sqlite" else None
        self._seconds = seconds

    @contextmanager
    def taken(self) -> Generator[None]:
        """Wait for a turn, and keep it while the block runs.

        Raises:
            StorageUnavailable: it did not come in time.
        """
        if self._lock is None:
            yield
            return
        if not self._lock.acquire(timeout=self._seconds):
            raise StorageUnavailable(*_LOCKED)
        try:
            yield
        finally:
            self._lock.release()


@contextmanager
def _named_mistakes() -> Generator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        explained = _explain(error)
        if explained is None:
            raise
        raise StorageUnavailable(*explained) from error


_STATES = (OperationalError, InterfaceError, DatabaseError, PoolTimeout)  # not their subclasses, such as a wrong type
_SQLITE_ERROR = 1
_NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")
_NO_SUCH_IN_SQLITE = ("no such table", "no such column", "has no column named")
NOT_MIGRATED = (
    "The database has not been migrated to this version of Keyart.",
    "Run `keyart migrate`, or point --home or KEYART_HOME at the folder of your Keyart.",
)


def _explain(error: Exception) -> tuple[str, str] | None:
    """Return message and remedy, or None for a wrong statement: that is our mistake, not the database's state.

    The driver's own text stays in the cause, since it may hold addresses and values.
    """
    cause = getattr(error, "orig", None)
    text = str(cause or error).lower()
    if getattr(cause, "sqlstate", None) in _NO_SUCH_TABLE_OR_COLUMN or any(each in text for each in _NO_SUCH_IN_SQLITE):
        return NOT_MIGRATED
    if type(error) not in _STATES or getattr(cause, "sqlite_errorcode", None) == _SQLITE_ERROR:
        return None
    if "locked" in text or isinstance(error, PoolTimeout):
        return _LOCKED
    if "full" in text or "no space" in text:
        return "The disk of the database is full.", "Free some space."
    if type(error) is DatabaseError:
        return "The database file is damaged.", "Restore it from a backup."
    return "The database cannot be reached.", "Check that it is up and that KEYART_DATABASE_URL is right."


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadSettings("KEYART_DATABASE_URL is no database URL.", _EXAMPLES) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise BadSettings("An in-memory SQLite database would lose the log.", _EXAMPLES)
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise BadSettings(f"Keyart does not run on {backend}.", _EXAMPLES)
    return parsed.set(drivername="sqlite")


_EXAMPLES = "Use sqlite:////path/keyart.db or postgresql://user:password@host/name."


def _open_sqlite(url: URL, busy_seconds: float) -> Engine:
    engine = create_engine(
        url,
        module=pysqlite3,
        connect_args={"timeout": busy_seconds},
        pool_timeout=busy_seconds,
        hide_parameters=True,  # values stay out of error messages, and so out of logs
    )
    event.listen(engine, "do_connect", _open_what_is_there)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _open_what_is_there(_dialect: object, _record: object, arguments: list[Any], _named: object) -> None:
    """By itself SQLite would make a missing file, and a database that was moved away would come back empty."""
    if not Path(arguments[0]).exists():
        raise StorageUnavailable(*NOT_MIGRATED)


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself; _begin_sqlite does
    cursor = connection.cursor()
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # "logged" must survive a power cut, not only a crash
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is erased must not stay behind in what was its place
    cursor.close()


def _write_ahead(cursor: DBAPICursor) -> None:
    """Several who open a new database in the same moment are told at once that it is locked, without SQLite's wait.

    Where SQLite did wait, somebody holds it: then there is nothing to try again.
    """
    for _ in range(WAL_ATTEMPTS):
        began = time.monotonic()
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except Exception:  # what is no passing trouble meets the last attempt
            if time.monotonic() - began > WAL_WAITED_SECONDS:
                raise
            time.sleep(WAL_PAUSE_SECONDS)
        else:
            return
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _open_postgresql(url: URL, busy_seconds: float, answer_seconds: float | None) -> Engine:
    """Give up on a dead peer in seconds: libpq's own defaults wait for many minutes."""
    patience = max(1, round(busy_seconds))
    arguments = {
        "connect_timeout": patience,
        "keepalives_idle": patience,
        "keepalives_interval": patience,
        "keepalives_count": 2,
        "tcp_user_timeout": patience * 2000,
    }
    engine = create_engine(
        url, connect_args=arguments, pool_pre_ping=True, pool_timeout=busy_seconds, hide_parameters=True
    )
    if answer_seconds is not None:
        event.listen(engine, "do_connect", _connecting(answer_seconds))
    return engine


class _ImpatientConnection(psycopg.Connection[Any]):
    """A connection that is given up, and closed, when a statement is not answered in time."""

    answer_seconds = BUSY_SECONDS

    def wait(self, gen: PQGen[Answer], interval: float = WAIT_INTERVAL, timeout: float | None = None) -> Answer:
        """See `psycopg.Connection.wait`."""
        allowed, began = self.answer_seconds if timeout is None else timeout, time.monotonic()
        try:
            return super().wait(gen, interval, allowed)
        except psycopg.OperationalError:
            if time.monotonic() - began >= allowed:
                self.pgconn.finish()
            raise


def _connecting(answer_seconds: float) -> Callable[..., psycopg.Connection[Any]]:
    def connect(_dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]) -> Any:
        connection = _ImpatientConnection.connect(*arguments, **named)
        connection.answer_seconds = answer_seconds
        return connection

    return connect
