"""C1, C2 and C8 with a wall clock that jumps: two days ahead and two days back, under a server that answers."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.figures import Record
from tests.faults.held import assert_held
from tests.faults.injection import Clock
from tests.faults.ledger import Ledger
from tests.faults.server import Server
from tests.faults.traffic import Pictures, Traffic

Serve = Callable[..., Server]
JUMPS = ("+2d", "+0", "-2d", "+0", "-2d", "+2d", "-10y", "+10y", "+0")


@pytest.mark.slow
def test_c1_c2_c8_a_clock_that_jumps(
    serve: Serve, stocked: Path, pictures: Pictures, tmp_path: Path, figure: Record
) -> None:
    clock = Clock(tmp_path)
    server = serve(stocked)
    server.start(clock.around())
    traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30)
    with traffic.flowing():
        for jump in JUMPS:
            time.sleep(2)
            clock.move(jump)
        time.sleep(2)
    after = [view for view in traffic.views if view.due > traffic.views[0].due + 3]
    assert all(view.logged for view in after), "a page was not logged for a clock"
    server.kill()
    assert_held(traffic, stocked, name="clock jumps", runs=len(JUMPS), figure=figure)


@pytest.mark.slow
def test_c1_c2_c8_a_restart_in_the_past(
    serve: Serve, stocked: Path, pictures: Pictures, tmp_path: Path, figure: Record
) -> None:
    """The clock was ahead and is set right while nobody serves: keys and pages of the future stay what they were."""
    clock = Clock(tmp_path)
    server = serve(stocked)
    traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30)
    for jump in ("+2d", "-2d", "+0"):
        clock.move(jump)
        server.start(clock.around())
        traffic.run(3)
        server.kill()
    assert_held(traffic, stocked, name="clock set back between starts", runs=3, figure=figure)
