"""C1, C2, C3 and C5 under `kill -9`: a real server, killed again and again while it answers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.faults.distant import filled
from tests.faults.figures import Record
from tests.faults.killing import Killing, live_through
from tests.faults.server import Server
from tests.faults.traffic import Pictures

Serve = Callable[..., Server]


def test_c1_c2_c3_c5_a_kill_under_load(serve: Serve, stocked: Path, pictures: Pictures, figure: Record) -> None:
    killing = Killing(serve(stocked), pictures)
    live_through(killing, 1, name="kill -9, short", figure=figure, longest=0.5)
    assert killing.book.acknowledged() >= 8


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_c1_c2_c3_c5_a_hundred_kills_under_load(
    serve: Serve, stocked: Path, pictures: Pictures, figure: Record
) -> None:
    killing = Killing(serve(stocked), pictures)
    live_through(killing, 100, name="kill -9", figure=figure)
    assert killing.book.acknowledged() >= 20_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_c1_c2_c3_c5_kills_under_load_on_postgresql(
    serve: Serve, postgresql_server: URL, catalogued: tuple[Path, Pictures], tmp_path: Path, figure: Record
) -> None:
    with filled(postgresql_server, catalogued[0], tmp_path) as (home, url, pictures):
        killing = Killing(serve(home, KEYART_DATABASE_URL=url), pictures, database_url=url)
        live_through(killing, 25, name="kill -9, on PostgreSQL", figure=figure)
        assert killing.book.acknowledged() >= 5_000
