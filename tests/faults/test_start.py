"""C8 at the start: a server that is killed and started again while its database is away shows every title it knew."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pysqlite3
import pytest
from sqlalchemy.engine import URL

from api.storage.database import open_engine
from tests.faults.distant import Distant, behind_a_proxy
from tests.faults.figures import Record
from tests.faults.held import assert_held, assert_held_in, unlogged
from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy
from tests.faults.server import Server
from tests.faults.traffic import Pictures, Traffic
from tests.stories.served import wait_until

Serve = Callable[..., Server]


def remembered(home: Path) -> bool:
    """Whether both files are there."""
    return {path.name for path in (home / "remembered").glob("*.jsonl")} == {"catalogue.jsonl", "keys.jsonl"}


def lived_through(server: Server, traffic: Traffic, *, away: Callable[[], None], back: Callable[[], None]) -> None:
    """Kill the server, start it without its database, ask for pages, bring that back: until pages are logged."""
    server.start()
    wait_until(lambda: remembered(server.home), within=30)
    server.kill()
    away()
    server.start(ready=False)
    with traffic.flowing():
        time.sleep(3)
        back()
        traffic.logs_again()
        time.sleep(1)
    assert unlogged(traffic.views) > 30
    assert server.http.get("/readyz").status_code == 200
    server.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", [Proxy.cut, Proxy.swallow], ids=["cut", "black-holed"])
def test_c8_a_start_without_postgresql(
    fault: Callable[[Proxy], None],
    serve: Serve,
    postgresql_server: URL,
    catalogued: tuple[Path, Pictures],
    tmp_path: Path,
    figure: Record,
) -> None:
    with behind_a_proxy(postgresql_server, catalogued[0], tmp_path) as distant:
        server = serve(distant.home, KEYART_DATABASE_URL=distant.url)
        traffic = traffic_of(server, distant)
        lived_through(server, traffic, away=lambda: fault(distant.proxy), back=distant.proxy.heal)
        engine = open_engine(distant.direct)
        name = "start without PostgreSQL" + (", black-holed" if fault is Proxy.swallow else "")
        assert_held_in(engine, traffic, name=name, runs=1, figure=figure)
        engine.dispose()


def traffic_of(server: Server, distant: Distant) -> Traffic:
    return Traffic(port=server.port, pictures=distant.pictures, book=Ledger(), rate=30, callers=48)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c8_a_start_with_a_locked_database(serve: Serve, stocked: Path, pictures: Pictures, figure: Record) -> None:
    server = serve(stocked)
    traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30, callers=48)
    with closing(pysqlite3.connect(str(stocked / "keyart.db"), isolation_level=None, check_same_thread=False)) as other:
        lived_through(
            server,
            traffic,
            away=lambda: other.execute("PRAGMA locking_mode=EXCLUSIVE") and other.execute("BEGIN EXCLUSIVE"),
            back=lambda: other.execute("ROLLBACK") and other.close(),
        )
    assert_held(traffic, stocked, name="start with a locked SQLite", runs=1, figure=figure)
