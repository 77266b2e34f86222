"""Brings a database to the tables of this version of Keyart, and says where it stands. Knows no single migration."""

from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from api.errors import NewerDatabase, StorageUnavailable
from api.storage.audit_log import By, Told, record
from api.storage.database import NOT_MIGRATED, make_file, reading, transaction

MIGRATIONS = Path(__file__).parents[2] / "migrations"
"""Beside the `api` package, in a checkout and when installed."""

_LOCK = 0x6B657961  # any number of our own: two processes that migrate one PostgreSQL database take turns by it


KEYART = By("keyart")


def migrate(engine: Engine, *, by: By = KEYART) -> str:
    """Bring the database to the newest revision, all of it or nothing, and return that revision.

    Any number of processes may call it at once. Tables of an older Keyart that are changed are on the audit log.

    Raises:
        StorageUnavailable: the database is down.
        NewerDatabase: it was migrated by a newer Keyart.
        BadSettings: the folder of an SQLite file cannot be made.
    """
    make_file(engine)
    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _refuse_newer(connection)
        before = MigrationContext.configure(connection).get_current_revision()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        reached = newest_revision()
        if before is not None and before != reached:
            told = Told(before={"revision": before}, after={"revision": reached}, reason=by.reason)
            now = datetime.now(UTC)
            record(connection, actor=by.actor, action="database.migrate", subject="database", now=now, **told)
    return reached


def current(engine: Engine) -> str | None:
    """Return the revision of the database, None before the first migration.

    Raises:
        StorageUnavailable: the database is down.
    """
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def refuse_other_revision(engine: Engine) -> None:
    """See that the database has the tables of this version of Keyart.

    Raises:
        StorageUnavailable: it is down, or has not been migrated to this version.
        NewerDatabase: it was migrated by a newer Keyart.
    """
    with reading(engine) as connection:
        _refuse_newer(connection)
    if current(engine) != newest_revision():
        raise StorageUnavailable(*NOT_MIGRATED)


def newest_revision() -> str:
    """Return the revision that this version of Keyart works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "migrations/versions is empty"
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _refuse_newer(connection: Connection) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise NewerDatabase(f"The database has the unknown revision {found}.", "Run the Keyart that migrated it.")
