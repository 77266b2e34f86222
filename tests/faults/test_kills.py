"""C1, C2, C3 and C5 under `kill -9`: a real server, killed again and again while it answers."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy.engine import URL

from tests.faults.distant import filled
from tests.faults.figures import Record
from tests.faults.killing import Killing, assert_nothing_is_lost, live_through, look_back
from tests.faults.server import Server
from tests.faults.traffic import Pictures
from tests.stories.served import wait_until

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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_c1_c2_c3_c5_one_of_several_processes_is_killed(
    serve: Serve, stocked: Path, pictures: Pictures, figure: Record
) -> None:
    """`keyart serve --workers 2`: the other goes on, and another takes the place of the one that died."""
    killing = Killing(serve(stocked, "--workers", "2"), pictures)
    killing.server.start()
    with killing.shown.flowing(), killing.keyed.flowing():
        for _ in range(10):
            killing.shown.logs_again()
            max(those_that_serve(killing.server), key=lambda each: each.create_time()).kill()
            wait_until(lambda: len(those_that_serve(killing.server)) == 2, within=180)
        killing.shown.logs_again()
    assert killing.server.end() == 0
    look_back(killing)
    killing.server.kill()
    killing.close()
    assert_nothing_is_lost(killing, name="one server process of two killed", runs=10, figure=figure)


def those_that_serve(server: Server) -> list[psutil.Process]:
    """The processes that answer, without the one that starts them and what keeps track of shared memory."""
    children = psutil.Process(server.process.pid).children()
    return [each for each in children if "spawn_main" in command_of(each)]


def command_of(process: psutil.Process) -> str:
    """How a process was started; nothing of one that is gone, or a zombie."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""
