"""Runs the migrations inside the caller's transaction. Knows no single migration and no address of a database.

`keyart migrate` (api.storage.migration) hands its connection in; Alembic's own command line opens
the database of the settings.
"""

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from api.settings import load_settings
from api.storage.columns import PageKey, UtcDateTime
from api.storage.database import open_engine, transaction
from api.storage.schema import metadata


def run(connection: Connection) -> None:
    """Migrate on `connection`; `transactional_ddl` lets SQLite roll a broken migration back as PostgreSQL does."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_item=render_type,
    )
    context.run_migrations()


def render_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write the plain types into new migrations: what a migration did must not change with our classes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, PageKey):
        return "sa.Uuid()"
    return False


if context.is_offline_mode():
    raise SystemExit("Keyart migrates over a connection only; leave --sql out.")

given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with transaction(open_engine(load_settings().database_url)) as opened:
        run(opened)
