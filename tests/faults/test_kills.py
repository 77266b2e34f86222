"""C1, C2, C3 and C5 under `kill -9`: a real server, killed again and again while it answers."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.client import KeyartClient
from api.storage.database import open_engine
from tests.api.installation import settings_in
from tests.faults.checks import assert_accounted_for
from tests.faults.figures import Figure, Record
from tests.faults.ledger import Ledger
from tests.faults.server import ADMIN_KEY, BUDGET_MS, Server
from tests.faults.traffic import Pictures, Traffic, Wire
from tests.stories.served import wait_until

Serve = Callable[..., Server]
RATE = 30.0
"""Page views a second of each of the two kinds of caller."""


class Killing:
    """Two kinds of callers, and a server that dies under them: one shows pages through the client, one repeats keys."""

    def __init__(self, server: Server, pictures: Pictures, *, seed: int = 0) -> None:
        self.server, self.book, self._chance = server, Ledger(), random.Random(seed)
        defaults = {title: f"/images/{next(iter(known.values()))}" for title, known in pictures.items()}
        address = f"http://127.0.0.1:{server.port}"
        self._client = KeyartClient(address, ADMIN_KEY, defaults=defaults, deadline=BUDGET_MS / 1000)
        common = {"port": server.port, "pictures": pictures, "book": self.book, "rate": RATE}
        self.shown = Traffic(**common, client=self._client, name="shown")  # type: ignore[arg-type]
        self.keyed = Traffic(**common, keyed=1, name="keyed")  # type: ignore[arg-type]

    def cycle(self, *, least: float, most: float) -> None:
        """Start the server, load it, and kill it at a moment that nobody chose, some time after it first logged."""
        self.server.start()
        self.book.epoch += 1
        known = len(self.book.keys)
        with self.shown.flowing(), self.keyed.flowing():
            wait_until(lambda: len(self.book.keys) > known, within=20)
            time.sleep(self._chance.uniform(least, most))
            self.server.kill()

    def close(self) -> None:
        """Let go of the client's connections."""
        self._client.close()


def assert_nothing_is_lost(killing: Killing, *, name: str, runs: int, figure: Record) -> None:
    """Compare the callers' book with the database, before and behind a last start."""
    book, server = killing.book, killing.server
    engine = open_engine(settings_in(server.home).database_url)
    lost = book.lost(engine)
    shown = killing.shown
    figure(
        Figure(
            name=name,
            runs=runs,
            acknowledged=book.acknowledged(),
            lost=len(lost),
            pages=len(shown.views),
            pages_in_budget=shown.pages_in_budget(),
        )
    )
    assert (lost, book.mistakes) == ([], [])
    assert_accounted_for(engine)
    engine.dispose()
    assert shown.unrendered() == []


def answers_as_before(killing: Killing, sample: int) -> bool:
    """Whether idempotency keys still get the bytes that they got from processes that are long dead (C2)."""
    known = {key: killing.book.keys[key] for key in sorted(killing.book.keys)[-sample:]}
    with Wire(killing.server.port, killing.book) as wire:
        return {key: (sent, wire.post("/v1/select", sent, key=key)) for key, (sent, _) in known.items()} == known


def live_through(killing: Killing, cycles: int, *, name: str, figure: Record, least: float, most: float) -> None:
    for _ in range(cycles):
        killing.cycle(least=least, most=most)
    killing.server.start()
    assert len(killing.book.keys) >= cycles
    assert answers_as_before(killing, sample=200)
    killing.server.kill()
    killing.close()
    assert_nothing_is_lost(killing, name=name, runs=cycles, figure=figure)


def test_c1_c2_c3_c5_a_kill_under_load(serve: Serve, stocked: Path, pictures: Pictures, figure: Record) -> None:
    killing = Killing(serve(stocked), pictures)
    live_through(killing, 1, name="kill -9, short", figure=figure, least=0.4, most=0.6)
    assert killing.book.acknowledged() >= 100


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_c1_c2_c3_c5_a_hundred_kills_under_load(
    serve: Serve, stocked: Path, pictures: Pictures, figure: Record
) -> None:
    killing = Killing(serve(stocked), pictures)
    live_through(killing, 100, name="kill -9", figure=figure, least=0.0, most=1.5)
    assert killing.book.acknowledged() >= 20_000
