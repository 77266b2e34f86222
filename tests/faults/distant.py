"""A filled PostgreSQL database of one test, and a proxy before it. Knows no fault."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from api.storage.database import open_engine
from api.storage.migration import migrate
from tests.faults.conftest import fill
from tests.faults.proxy import Proxy
from tests.faults.traffic import Pictures

_numbers = count()


@dataclass(frozen=True)
class Distant:
    """A home whose PostgreSQL is reached through the proxy (`url`), and directly by the test (`direct`)."""

    home: Path
    url: str
    direct: str
    proxy: Proxy
    pictures: Pictures


@contextmanager
def filled(server: URL, catalogued: Path, folder: Path) -> Iterator[tuple[Path, str, Pictures]]:
    """Make a database with the catalogue, and the home that goes with it; yield home, address and pictures."""
    administrator = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = f"faults_{next(_numbers)}"
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = server.set(database=name).render_as_string(hide_password=False)
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    home = Path(shutil.copytree(catalogued, folder / "distant"))
    (home / "keyart.db").unlink()
    yield home, url, fill(home, url)
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def behind_a_proxy(server: URL, catalogued: Path, folder: Path) -> Iterator[Distant]:
    """The same, and a proxy that the home's address leads through."""
    socket = f"{server.query['host']}/.s.PGSQL.5432"
    with filled(server, catalogued, folder) as (home, direct, pictures), Proxy(socket) as proxy:
        name = make_url(direct).database
        url = URL.create("postgresql", username=server.username, host="127.0.0.1", port=proxy.port, database=name)
        yield Distant(home, str(url), direct, proxy, pictures)
