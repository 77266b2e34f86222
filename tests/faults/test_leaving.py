"""C1 and C8 when a server is told to leave: SIGTERM under load, again and again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.figures import Record
from tests.faults.killing import Killing, live_through
from tests.faults.server import Server
from tests.faults.traffic import Pictures

Serve = Callable[..., Server]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_c1_c8_sigterm_under_load(serve: Serve, stocked: Path, pictures: Pictures, figure: Record) -> None:
    killing = Killing(serve(stocked), pictures)
    codes: list[int] = []
    live_through(killing, 10, name="SIGTERM", figure=figure, ending=lambda: codes.append(killing.server.end()))
    assert codes == [0] * 10
    assert "Traceback" not in killing.server.complaints()
