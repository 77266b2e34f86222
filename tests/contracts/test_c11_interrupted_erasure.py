"""C11: an erasure that is killed at any moment goes on, and in the end no file holds the viewer."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert

from api.jobs.exporting import export_log
from api.storage.database import reading, transaction
from api.storage.erasure import open_erasures
from api.storage.pages import decode_page, encode_page, new_page_id
from api.storage.tables import pages
from tests.api.installation import Installation, an_event, an_outcome, decisions_of
from tests.architecture.house import ROOT

VIEWER, OTHER = "ada", "grace"
PATIENCE_SECONDS = 60.0


def fill(harbor: Installation, copies: int) -> None:
    """A viewer with a page that is there many times, and another beside."""
    for viewer in (VIEWER, OTHER):
        harbor.post_events(*(an_event(viewer) for _ in range(50)))
        harbor.report(an_outcome(decisions_of(harbor.select(viewer=viewer))[0]))
    harbor.join()
    export_log(harbor.engine, harbor.home / "exports")
    with transaction(harbor.engine) as connection:
        bodies = list(connection.scalars(pages.select().with_only_columns(pages.c.body)))
        for body in bodies:
            page = decode_page(body)
            for _ in range(copies):
                again = msgspec.structs.replace(page, page=new_page_id())
                row = {"page": again.page, "at": again.at, "viewer": again.viewer, "policy": again.policy}
                known = {"embedding_version": again.embedding_version, "slots": 1, "body": encode_page(again)}
                connection.execute(insert(pages).values(**row, **known))


def erase(home: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "api.cli", "viewer", "erase", *arguments, "--home", str(home)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def waits(harbor: Installation) -> bool:
    with reading(harbor.engine) as connection:
        return bool(open_erasures(connection))


def kill_soon(harbor: Installation, process: "subprocess.Popen[bytes]", *, after: float) -> None:
    """Kill a process so many seconds after its order is written down, or let it end before."""
    until = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and not waits(harbor) and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(after)
    process.kill()
    process.wait()


def holding(home: Path, pseudonym: str) -> list[str]:
    found = [path for path in home.rglob("*") if path.is_file() and pseudonym.encode() in path.read_bytes()]
    tables = [path for path in home.rglob("*.parquet") if pseudonym in pq.read_table(path)["viewer"].to_pylist()]
    return sorted(path.name for path in {*found, *tables})


def test_c11_killed_erasures_go_on(harbor: Installation) -> None:
    survive(harbor, kills=[0.02], copies=100)


@pytest.mark.slow
def test_c11_an_erasure_that_is_killed_again_and_again_goes_on(harbor: Installation) -> None:
    survive(harbor, kills=[0.01 * number for number in range(25)], copies=1500)


def survive(harbor: Installation, *, kills: list[float], copies: int) -> None:
    fill(harbor, copies)
    pseudonym, other = harbor.keys.pseudonym(VIEWER), harbor.keys.pseudonym(OTHER)
    kill_soon(harbor, erase(harbor.home, VIEWER), after=kills[0])
    for delay in kills[1:]:
        if waits(harbor):
            kill_soon(harbor, erase(harbor.home, "--resume"), after=1.0 + delay)
    if waits(harbor):
        assert erase(harbor.home, "--resume").wait(PATIENCE_SECONDS) == 0
    assert not waits(harbor)
    assert holding(harbor.home, pseudonym) == []
    assert {"keyart.db"} < set(holding(harbor.home, other))
