"""A server that ends under load, again and again, and what must be there afterwards. Knows not how it ends."""

import json
import random
import time
from collections.abc import Callable

from api.client import KeyartClient
from api.storage.database import open_engine
from tests.api.installation import settings_in
from tests.faults.checks import assert_accounted_for
from tests.faults.figures import Figure, Record
from tests.faults.ledger import Ledger
from tests.faults.server import ADMIN_KEY, BUDGET_MS, Server
from tests.faults.traffic import Pictures, Traffic, Wire
from tests.stories.served import wait_until

RATE = 30.0
"""Page views a second of each of the two kinds of caller."""
LONGEST = 1.5
"""Seconds between the first page that was logged and the end, at most."""


class Killing:
    """Two kinds of callers, and a server that ends under them: one shows pages through the client, one repeats keys."""

    def __init__(self, server: Server, pictures: Pictures, *, seed: int = 0, database_url: str | None = None) -> None:
        self.server, self.book, self._chance = server, Ledger(), random.Random(seed)
        self.database_url = database_url or settings_in(server.home).database_url
        defaults = {title: f"/images/{next(iter(known.values()))}" for title, known in pictures.items()}
        address = f"http://127.0.0.1:{server.port}"
        self._client = KeyartClient(address, ADMIN_KEY, defaults=defaults, deadline=BUDGET_MS / 1000)
        common = {"port": server.port, "pictures": pictures, "book": self.book, "rate": RATE}
        self.shown = Traffic(**common, client=self._client, name="shown")  # type: ignore[arg-type]
        self.keyed = Traffic(**common, keyed=1, name="keyed")  # type: ignore[arg-type]

    def cycle(self, ending: Callable[[], object], *, longest: float) -> None:
        """Start the server, load it, and end it at a moment that nobody chose, some time after it first logged."""
        self.server.start()
        self.book.epoch += 1
        known = len(self.book.keys)
        with self.shown.flowing(), self.keyed.flowing():
            wait_until(lambda: len(self.book.keys) > known, within=20)
            time.sleep(self._chance.uniform(0, longest))
            ending()

    def close(self) -> None:
        """Let go of the client's connections."""
        self._client.close()


def live_through(
    killing: Killing,
    cycles: int,
    *,
    name: str,
    figure: Record,
    ending: Callable[[], object] | None = None,
    longest: float = LONGEST,
) -> None:
    """End a server so often (by default by `kill -9`), and look at what was acknowledged after one more start."""
    server = killing.server
    for _ in range(cycles):
        killing.cycle(ending or server.kill, longest=longest)
    look_back(killing)
    server.kill()
    killing.close()
    assert_nothing_is_lost(killing, name=name, runs=cycles, figure=figure)


def assert_nothing_is_lost(killing: Killing, *, name: str, runs: int, figure: Record) -> None:
    """Compare the callers' book with the database."""
    book, shown = killing.book, killing.shown
    engine = open_engine(killing.database_url)
    lost = book.lost(engine)
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
    assert not lost, f"lost: {lost[:5]}"
    assert not book.mistakes, book.mistakes[:5]
    assert not book.rejected, book.rejected[:5]
    assert_accounted_for(engine)
    engine.dispose()
    assert shown.unrendered() == []


def look_back(killing: Killing) -> None:
    """Start the server once more, and ask for what was answered, and again for what was not."""
    killing.server.give_time()
    killing.server.start()
    assert answers_as_before(killing, sample=200)
    send_again(killing)


def send_again(killing: Killing) -> None:
    """Send what nobody knows the fate of, as a caller does: it is taken, once (C3), and a key has one answer (C2)."""
    book = killing.book
    with Wire(killing.server.port, book) as wire:
        for sent, told in book.unanswered:
            for _ in range(2):
                content = wire.post("/v1/outcomes", sent)
                assert content is not None
                book.taken(told, json.loads(content)["rejected"])
        for key, sent in book.unanswered_keys.items():
            for _ in range(2):
                assert wire.page(json.loads(sent), key) is not None


def answers_as_before(killing: Killing, sample: int) -> bool:
    """Whether idempotency keys still get the bytes that they got from processes that are long gone (C2)."""
    known = {key: killing.book.keys[key] for key in sorted(killing.book.keys)[-sample:]}
    with Wire(killing.server.port, killing.book) as wire:
        return {key: (sent, wire.post("/v1/select", sent, key=key)) for key, (sent, _) in known.items()} == known
