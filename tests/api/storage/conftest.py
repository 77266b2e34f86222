"""Every storage test runs on SQLite and on PostgreSQL, each on a migrated database that holds nothing."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from api.storage.database import open_engine, transaction
from api.storage.migration import migrate
from api.storage.pages import new_page_id
from api.storage.tables import metadata
from artwork.catalog import ArtworkId, TitleId
from bandit.context import RequestContext
from bandit.decision import Page, PolicyVersionId, Slot
from foundation.events import ViewerId

Database = AbstractContextManager[str]


@dataclass(frozen=True)
class Databases:
    """Lends databases by their address: `empty()` has no tables, `ready()` is migrated and holds nothing."""

    empty: Callable[[], Database]
    ready: Callable[[], Database]


def _migrate(url: str) -> str:
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Copies of one migrated file: a copy takes a millisecond, a migration fifty."""
    folder = tmp_path_factory.mktemp("sqlite")
    template = folder / "template.db"
    _migrate(f"sqlite:///{template}")
    numbers = count()

    def empty() -> Database:
        return nullcontext(f"sqlite:///{folder / f'{next(numbers)}.db'}")

    def ready() -> Database:
        copy = folder / f"{next(numbers)}.db"
        shutil.copy(template, copy)
        return nullcontext(f"sqlite:///{copy}")

    return Databases(empty, ready)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: URL) -> Iterator[Databases]:
    """Making a database writes seven megabytes, so one that is migrated is emptied and lent again."""
    server = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    numbers = count()

    @contextmanager
    def empty() -> Iterator[str]:
        name = f"keyart_{next(numbers)}"
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield postgresql_server.set(database=name).render_as_string(hide_password=False)
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    with empty() as lent:
        lent_engine = open_engine(_migrate(lent))

        @contextmanager
        def ready() -> Iterator[str]:
            with transaction(lent_engine) as connection:
                connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY"))
            yield lent

        yield Databases(empty, ready)
        lent_engine.dispose()
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Databases of either kind."""
    made = request.getfixturevalue(f"{request.param}_databases")
    assert isinstance(made, Databases)
    return made


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    """The address of a database without tables."""
    with databases.empty() as url:
        yield url


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    """A migrated database that holds nothing; leave its tables as they are."""
    with databases.ready() as url:
        opened = open_engine(url)
        yield opened
        opened.dispose()


@pytest.fixture
def sqlite_engine(sqlite_databases: Databases) -> Iterator[Engine]:
    """A migrated SQLite database, for what only SQLite does."""
    with sqlite_databases.ready() as url:
        opened = open_engine(url, busy_seconds=0.1)
        yield opened
        opened.dispose()


@pytest.fixture
def now() -> datetime:
    """A moment with microseconds, which both databases must keep."""
    return datetime(2026, 11, 21, 20, 15, 30, 250_001, tzinfo=UTC)


@pytest.fixture
def make_page(now: datetime) -> Callable[..., Page]:
    """Make pages of two titles with three artworks each; give what shall differ by name."""

    def make(slots: int = 2, **changes: Any) -> Page:
        artworks = (ArtworkId("a"), ArtworkId("b"), ArtworkId("c"))
        page = Page(
            page=new_page_id(),
            viewer=ViewerId("0123456789abcdef" * 2),
            at=now,
            request=RequestContext(at=now, device="tv", row="top"),
            policy=PolicyVersionId("uniform"),
            policy_digest="d" * 64,
            embedding_version="keyart-lite-1a2b3c4d5e6f",
            foundation_version="viewers-1a2b3c4d5e6f",
            viewer_vector=np.array([0.6, -0.8], dtype="<f4").tobytes(),
            salt="keyart",
            window=20_000,
            slots=tuple(
                Slot(
                    title=TitleId(f"title-{index}"),
                    artworks=artworks,
                    images=("0" * 16, "1" * 16, "2" * 16),
                    probabilities=(0.1, 0.2, 0.7),
                    chosen=index % 3,
                    position=index,
                    score=0.5 if index else None,
                )
                for index in range(slots)
            ),
        )
        return msgspec.structs.replace(page, **changes)

    return make
