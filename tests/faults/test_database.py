"""C1 and C8 before a database that fails: a PostgreSQL that is cut off, swallowed, slow, killed, and there again."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from api.storage.database import open_engine
from tests.api.installation import running, settings_in
from tests.faults.distant import Distant, behind_a_proxy, filled
from tests.faults.figures import Record
from tests.faults.held import assert_held_in, unlogged
from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy
from tests.faults.server import ADMIN_KEY, AUTHORIZED, Server
from tests.faults.traffic import Pictures, Traffic
from tests.postgresql import MortalPostgresql
from tests.stories.served import wait_until

Serve = Callable[..., Server]


@pytest.fixture
def distant(postgresql_server: URL, catalogued: tuple[Path, Pictures], tmp_path: Path) -> Iterator[Distant]:
    """A filled PostgreSQL database of the test's own, behind a proxy."""
    with behind_a_proxy(postgresql_server, catalogued[0], tmp_path) as found:
        yield found


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


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c1_c8_a_database_that_is_killed(
    serve: Serve, mortal_postgresql: MortalPostgresql, catalogued: tuple[Path, Pictures], tmp_path: Path, figure: Record
) -> None:
    """Every process of PostgreSQL at once, again and again: what it acknowledged is in its own log, and comes back."""
    with filled(mortal_postgresql.url, catalogued[0], tmp_path) as (home, url, pictures):
        server = serve(home, KEYART_DATABASE_URL=url)
        server.start()
        traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30, callers=48)
        with traffic.flowing():
            for _ in range(5):
                traffic.logs_again()
                mortal_postgresql.kill()
                time.sleep(2)
                mortal_postgresql.start()
            traffic.logs_again()
        assert unlogged(traffic.views) > 0, "nobody noticed"
        server.kill()
        engine = open_engine(url)
        assert_held_in(engine, traffic, name="database killed", runs=5, figure=figure)
        engine.dispose()


@pytest.mark.parametrize("fault", ["black-holed", pytest.param("cut", marks=pytest.mark.slow)])
def test_c8_pages_render_without_their_database(fault: str, distant: Distant) -> None:
    """In this process, with a key (its answer may be stored) and without one."""
    settings = settings_in(distant.home, database_url=distant.url, select_budget_ms=200, admin_key=ADMIN_KEY)
    asked = {"viewer": "v", "titles": [{"title": title} for title in distant.pictures]}
    with running(settings) as installation:
        installation.http.headers.update(AUTHORIZED)
        wait_until(lambda: installation.http.post("/v1/select", json=asked).json()["logged"], within=30)
        FAULTS[fault](distant.proxy)
        for headers in ({}, {"Idempotency-Key": "a"}):
            began = time.monotonic()
            page = installation.http.post("/v1/select", json=asked, headers=headers).json()
            assert page["logged"] is False
            assert [slot["title"] for slot in page["slots"]] == list(distant.pictures)
            assert time.monotonic() - began < 3
        distant.proxy.heal()
