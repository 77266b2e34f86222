"""C1, C2 and C8 with a wall clock that jumps: two days ahead and two days back, under a server that answers."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.architecture.house import ROOT
from tests.faults.figures import Record
from tests.faults.held import assert_held
from tests.faults.injection import Clock
from tests.faults.ledger import Ledger
from tests.faults.server import Server
from tests.faults.traffic import Pictures, Traffic

Serve = Callable[..., Server]
JUMPS = tuple(timedelta(days=days) for days in (2, 0, -2, 0, -2, 2, -3650, 3650, 0))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_c1_c2_c8_a_clock_that_jumps(
    serve: Serve, stocked: Path, pictures: Pictures, tmp_path: Path, figure: Record
) -> None:
    clock = Clock(tmp_path)
    server = serve(stocked)
    server.start(clock.around())
    traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30)
    with traffic.flowing():
        for jump in JUMPS:
            traffic.logs_again()
            clock.move(jump)
        traffic.logs_again()
    server.kill()
    only_their_times(traffic.book)
    assert_held(traffic, stocked, name="clock jumps", runs=len(JUMPS), figure=figure)


def test_c8_ids_of_pages_follow_a_clock_that_is_set_back(tmp_path: Path) -> None:
    """Or what reads the log by time would not see the pages of the next two days."""
    clock = Clock(tmp_path)
    made = (
        "import sys; from api.storage.pages import decided_at, new_page_id\n"
        "for _ in sys.stdin: print(decided_at(new_page_id()).isoformat(), flush=True)"
    )
    environment = {**os.environ, **clock.around().environment}
    with subprocess.Popen(
        [sys.executable, "-c", made],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for days in (2, 0, -2, 0):
            clock.move(timedelta(days=days))
            process.stdin.write("\n")
            process.stdin.flush()
            told = datetime.fromisoformat(process.stdout.readline().strip())
            assert abs(told - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=2)
        process.stdin.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c1_c2_c8_a_restart_in_the_past(
    serve: Serve, stocked: Path, pictures: Pictures, tmp_path: Path, figure: Record
) -> None:
    """The clock was ahead and is set right while nobody serves: keys and pages of the future stay what they were."""
    clock = Clock(tmp_path)
    server = serve(stocked)
    traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30)
    for days in (2, -2, 0):
        clock.move(timedelta(days=days))
        server.start(clock.around())
        traffic.run(3)
        server.kill()
    only_their_times(traffic.book)
    assert_held(traffic, stocked, name="clock set back between starts", runs=3, figure=figure)


def only_their_times(book: Ledger) -> None:
    """Outcomes that happened by a right clock days after, or ten years before, what a wrong one says are told so."""
    assert all("a day ahead" in reason or "ten years before" in reason for reason in book.rejected)
    book.rejected.clear()
