"""C1, C2, C3 and C5 under `kill -9`: a real server, killed again and again while it answers."""

from collections.abc import Callable
from pathlib import Path

import pytest

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
