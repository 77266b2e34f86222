"""C3, C4 and C5 with workers that race: each page is valued once, whoever does it, and whoever dies meanwhile."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.errors import StorageUnavailable
from api.jobs.joining import join_rewards
from api.storage.database import open_engine, reading
from api.storage.due import count_due
from api.storage.tallies import read_conservation
from bandit.rewards import RewardWindows
from tests.api.installation import decisions_of, running, settings_in
from tests.architecture.house import ROOT
from tests.faults.checks import assert_accounted_for, assert_conserved
from tests.faults.figures import Figure, Record
from tests.faults.ledger import Ledger
from tests.faults.server import ADMIN_KEY, AUTHORIZED, Server
from tests.faults.traffic import Pictures, Traffic, outcomes_of
from tests.stories.served import wait_until

Serve = Callable[..., Server]


def report_pages(home: Path, pictures: Pictures, *, pages: int) -> Ledger:
    """Serve pages in this process and report what became of them; nobody joins anything."""
    book = Ledger()
    with running(settings_in(home, admin_key=ADMIN_KEY)) as installation:
        installation.http.headers.update(AUTHORIZED)
        for number in range(pages):
            page = installation.select(*pictures, viewer=f"v{number}")
            decisions = decisions_of(page)
            rows = [row for slot, each in enumerate(decisions) for row in outcomes_of(each, slot + number)]
            installation.report(*rows)
            if page["logged"]:
                book.shown(page["page"], [slot["artwork"] for slot in page["slots"]])
                book.outcomes.update((page["page"], decisions.index(row["decision"]), row["event"]) for row in rows)
    return book


def join_until_done(engine: Engine) -> None:
    """What a worker does, without its waits."""
    later = datetime.now(UTC) + timedelta(days=1)
    while True:
        try:
            if not join_rewards(engine, windows=RewardWindows(), now=later):
                return
        except StorageUnavailable:
            continue  # the other one held the lock for too long; nothing was changed


def test_c5_two_who_join_the_same_pages(stocked: Path, pictures: Pictures) -> None:
    book = report_pages(stocked, pictures, pages=30)
    engine = open_engine(settings_in(stocked).database_url)
    racing = [threading.Thread(target=join_until_done, args=(engine,)) for _ in range(4)]
    for each in racing:
        each.start()
    for each in racing:
        each.join()
    assert book.lost(engine) == []
    assert_accounted_for(engine)
    engine.dispose()


@contextmanager
def worker(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real `keyart worker`."""
    command = [sys.executable, "-m", "api.cli", "worker", "--home", str(home)]
    with (home.parent / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_c3_c5_workers_race_and_one_is_killed(serve: Serve, stocked: Path, pictures: Pictures, figure: Record) -> None:
    """Two workers beside a server under load; each in turn is killed, and the other takes over."""
    server, kills = serve(stocked), 3
    server.start()
    engine = open_engine(settings_in(stocked).database_url)
    traffic = Traffic(port=server.port, pictures=pictures, book=Ledger(), rate=20)
    with worker(stocked) as first, worker(stocked) as second, traffic.flowing():
        wait_until(lambda: valued(engine) > 0, within=60)
        first.kill()
        with worker(stocked) as third:
            grows(engine)
            second.kill()
            grows(engine)
            third.kill()
    with worker(stocked):
        wait_until(lambda: due(engine) == 0, within=120)
    server.kill()
    lost = traffic.book.lost(engine)
    figure(
        Figure(
            name="two workers, each killed",
            runs=kills,
            acknowledged=traffic.book.acknowledged(),
            lost=len(lost),
            pages=len(traffic.views),
            pages_in_budget=traffic.pages_in_budget(),
        )
    )
    assert (lost, traffic.book.mistakes, traffic.unrendered()) == ([], [], [])
    assert_conserved(engine)
    assert_accounted_for(engine)
    engine.dispose()


def valued(engine: Engine) -> int:
    """How many decisions have their final fate."""
    with reading(engine) as connection:
        counted = read_conservation(connection)
    return counted.rewarded + counted.defaulted + counted.unseen


def grows(engine: Engine) -> None:
    """Wait until somebody has valued more."""
    before = valued(engine)
    wait_until(lambda: valued(engine) > before, within=90)


def due(engine: Engine) -> int:
    """How many pages wait to be valued."""
    with reading(engine) as connection:
        return count_due(connection)
