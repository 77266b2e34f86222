"""C1 and C8 behind a network that fails: a PostgreSQL that is cut off, swallowed, slow, and there again."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from api.storage.database import open_engine
from api.storage.migration import migrate
from tests.api.installation import running, settings_in
from tests.faults.conftest import fill
from tests.faults.figures import Record
from tests.faults.held import assert_held_in
from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy
from tests.faults.server import ADMIN_KEY, AUTHORIZED, Server
from tests.faults.traffic import Pictures, Traffic
from tests.stories.served import wait_until

Serve = Callable[..., Server]
_numbers = count()


@dataclass(frozen=True)
class Distant:
    """A home whose PostgreSQL is reached through the proxy (`url`), and directly by the test (`direct`)."""

    home: Path
    url: str
    direct: str
    proxy: Proxy
    pictures: Pictures


@pytest.fixture
def distant(postgresql_server: URL, catalogued: tuple[Path, Pictures], tmp_path: Path) -> Iterator[Distant]:
    """A filled PostgreSQL database of the test's own, behind a proxy."""
    server = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    name = f"faults_{next(_numbers)}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    direct = postgresql_server.set(database=name)
    engine = open_engine(direct.render_as_string(hide_password=False))
    migrate(engine)
    engine.dispose()
    home = Path(shutil.copytree(catalogued[0], tmp_path / "distant"))
    (home / "keyart.db").unlink()
    pictures = fill(home, direct.render_as_string(hide_password=False))
    with Proxy(f"{direct.query['host']}/.s.PGSQL.5432") as proxy:
        url = URL.create("postgresql", username=direct.username, host="127.0.0.1", port=proxy.port, database=name)
        yield Distant(home, str(url), direct.render_as_string(hide_password=False), proxy, pictures)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


FAULTS: dict[str, Callable[[Proxy], None]] = {
    "cut": Proxy.cut,
    "black-holed": Proxy.swallow,
    "slow, 100 ms a packet": lambda proxy: proxy.delay(0.1),
    "slow, 5 ms a packet": lambda proxy: proxy.delay(0.005),
    "black-holed, then cut": Proxy.swallow,
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
def test_c1_c8_a_database_that_comes_and_goes(fault: str, serve: Serve, distant: Distant, figure: Record) -> None:
    server = serve(distant.home, KEYART_DATABASE_URL=distant.url)
    server.start()
    traffic = Traffic(port=server.port, pictures=distant.pictures, book=Ledger(), rate=30, callers=48)
    with traffic.flowing():
        for _ in range(4):
            time.sleep(2)
            FAULTS[fault](distant.proxy)
            time.sleep(4)
            if fault.endswith("then cut"):
                distant.proxy.cut()
                time.sleep(1)
            distant.proxy.heal()
        traffic.logs_again()
    time.sleep(2)
    server.kill()
    engine = open_engine(distant.direct)
    assert_held_in(engine, traffic, name=f"database {fault}", runs=4, figure=figure)
    assert traffic.book.unlogged_but_kept(engine) == set(), "a page that was answered as not logged is in the log"
    engine.dispose()


@pytest.mark.parametrize("fault", ["black-holed", pytest.param("cut", marks=pytest.mark.slow)])
def test_c8_pages_render_without_their_database(fault: str, distant: Distant) -> None:
    """In this process, with a key (its answer may be stored) and without one."""
    settings = settings_in(distant.home, database_url=distant.url, select_budget_ms=200, admin_key=ADMIN_KEY)
    asked = {"viewer": "v", "titles": [{"title": title} for title in distant.pictures]}
    with running(settings) as installation:
        installation.http.headers.update(AUTHORIZED)
        wait_until(lambda: installation.http.post("/v1/select", json=asked).json()["logged"], within=10)
        FAULTS[fault](distant.proxy)
        for headers in ({}, {"Idempotency-Key": "a"}):
            began = time.monotonic()
            page = installation.http.post("/v1/select", json=asked, headers=headers).json()
            assert page["logged"] is False
            assert [slot["title"] for slot in page["slots"]] == list(distant.pictures)
            assert time.monotonic() - began < 1.5
        distant.proxy.heal()
