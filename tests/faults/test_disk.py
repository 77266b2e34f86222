"""C1 and C8 on a disk that fails: EIO and ENOSPC in fsync and write, files that may not grow, and no space left."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.figures import Record
from tests.faults.held import assert_held, unlogged
from tests.faults.injection import failing_calls, files_no_larger_than, injected, small_disk
from tests.faults.ledger import Ledger
from tests.faults.server import PLAIN, Server, Surroundings
from tests.faults.traffic import Pictures, Traffic
from tests.stories.served import wait_until

Serve = Callable[..., Server]
SYNC, WRITE = "fsync,fdatasync", "pwrite64"


def under(around: Surroundings, server: Server, pictures: Pictures, *, seconds: float, name: str) -> Traffic:
    """Load a server in such surroundings, kill it, and look at what its caller saw after a plain start."""
    traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30, name=name)
    server.start(around)
    traffic.run(seconds)
    server.kill()
    return traffic


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("calls", "error", "when"),
    [
        (SYNC, "EIO", "3+4"),
        (SYNC, "ENOSPC", "3+4"),
        (SYNC, "EIO", "2+1"),
        (WRITE, "EIO", "40+7"),
        (WRITE, "ENOSPC", "40+7"),
    ],
)
def test_c1_c8_system_calls_that_fail(
    calls: str, error: str, when: str, serve: Serve, stocked: Path, pictures: Pictures, figure: Record
) -> None:
    server, trace = serve(stocked), stocked.parent / "calls"
    failing = failing_calls(calls, error=error, when=when, trace=trace)
    traffic = under(failing, server, pictures, seconds=10, name="torn")
    assert unlogged(traffic.views) > 0, "no call failed that mattered"
    server.start(PLAIN)
    traffic.book.epoch += 1
    with traffic.flowing():
        traffic.logs_again()
    server.kill()
    word = "fsync" if calls == SYNC else "write"
    share = "each" if when.endswith("+1") else "1 of " + when.partition("+")[2]
    assert_held(traffic, stocked, name=f"{error} in {word} ({share})", runs=injected(trace), figure=figure)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c1_c8_a_file_that_may_not_grow(serve: Serve, stocked: Path, pictures: Pictures, figure: Record) -> None:
    server = serve(stocked)
    limit = files_no_larger_than((stocked / "keyart.db").stat().st_size + 200_000)
    traffic = under(limit, server, pictures, seconds=10, name="short")
    assert unlogged(traffic.views) > 0, "no file met its limit"
    assert_held(traffic, stocked, name="file may not grow", runs=1, figure=figure)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c1_c8_a_full_disk_and_space_again(
    serve: Serve, catalogued: tuple[Path, Pictures], tmp_path: Path, figure: Record
) -> None:
    home, pictures = catalogued
    with small_disk(tmp_path / "disk", megabytes=8) as disk:
        server = serve(Path(shutil.copytree(home, disk / "home")))
        server.log = tmp_path / "server.log"
        traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=30)
        server.start()
        ballast = disk / "ballast"
        with traffic.flowing():
            for _ in range(3):
                fill_up(ballast)
                wait_for_views(traffic, 90)
                ballast.unlink()
                traffic.logs_again()
        assert unlogged(traffic.views) > 0, "the disk was never full"
        server.kill()
        assert_held(traffic, server.home, name="disk full", runs=3, figure=figure)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c8_a_start_on_a_full_disk(serve: Serve, catalogued: tuple[Path, Pictures], tmp_path: Path) -> None:
    home, pictures = catalogued
    with small_disk(tmp_path / "disk", megabytes=8) as disk:
        server = serve(Path(shutil.copytree(home, disk / "home")))
        server.log = tmp_path / "server.log"
        server.start()
        server.kill()
        fill_up(disk / "ballast")
        server.start(ready=False)
        traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=20)
        traffic.run(2)
        assert traffic.unrendered() == []
        server.kill()


def fill_up(ballast: Path) -> None:
    """Leave no byte free on the file system of a file."""
    with ballast.open("ab", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2


def wait_for_views(traffic: Traffic, more: int) -> None:
    """Wait until so many more pages were shown."""
    wanted = len(traffic.views) + more
    wait_until(lambda: len(traffic.views) >= wanted, within=60)
