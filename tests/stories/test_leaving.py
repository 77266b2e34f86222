"""A server that is told to end says so first, answers what is under way, and loses nothing that it answered (C1)."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import pysqlite3
import pytest

from api.storage.database import open_engine, reading
from bandit.decision import PageId
from tests.api.installation import an_event, running, settings_in
from tests.api.written import find_pages
from tests.stories.served import Served, served, wait_until

CALLERS = 4


class Caller(threading.Thread):
    """Asks for pages, one after the other, until it is told that the server is not ready any more."""

    def __init__(self, served: Served, numbers: "count[int]", *, told: threading.Event) -> None:
        super().__init__()
        self._served, self._numbers, self._told = served, numbers, told
        self.answered: list[PageId] = []
        self.unlogged: list[PageId] = []
        self.statuses: set[int] = set()
        self.failures: list[httpx.TransportError] = []

    def run(self) -> None:
        """See `threading.Thread`."""
        with client_of(self._served) as http:
            while not self._told.is_set():
                body = {"viewer": f"v{next(self._numbers)}", "titles": [{"title": "harbor"}]}
                try:
                    answer = http.post("/v1/select", json=body)
                except httpx.TransportError as failure:
                    self.failures.append(failure)
                    continue
                self.statuses.add(answer.status_code)
                page = answer.json()
                (self.answered if page["logged"] else self.unlogged).append(page["page"])


def client_of(served: Served) -> httpx.Client:
    """Another client of a server, for a thread of its own."""
    return httpx.Client(base_url=served.http.base_url, timeout=10, headers=served.http.headers)


def test_c1_a_server_under_requests_leaves_without_a_failed_one(home: Path) -> None:
    """As behind a load balancer, which hears of it a moment after the signal and then sends no more."""
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
    settings = {"KEYART_DRAIN_SECONDS": "2", "KEYART_LOG_FORMAT": "json", "KEYART_ACCESS_LOG": "1"}
    told = threading.Event()
    with served(home, **settings) as keyart:
        numbers = count()
        callers = [Caller(keyart, numbers, told=told) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        wait_until(lambda: min(len(each.answered) for each in callers) >= 10, within=20)
        keyart.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        wait_until(lambda: keyart.http.get("/readyz").status_code == 503, within=1.5)
        leaving = keyart.http.get("/readyz")
        before = sum(len(each.answered) for each in callers)
        time.sleep(0.2)
        told.set()
        assert keyart.process.wait(20) == 0
        assert time.monotonic() - began >= 1.5
        for caller in callers:
            caller.join(20)
    assert leaving.json()["type"].endswith("/leaving")
    assert leaving.headers["connection"] == "close"
    answered = [page for each in callers for page in each.answered]
    assert len(answered) > before
    assert [failure for each in callers for failure in each.failures] == []
    assert {status for each in callers for status in each.statuses} == {200}
    engine = open_engine(settings_in(home).database_url)
    with reading(engine) as connection:
        assert set(answered) - find_pages(connection, answered).keys() == set()
    engine.dispose()
    lines = [json.loads(line) for line in keyart.log.read_text().splitlines() if line.startswith("{")]
    asked = len(answered) + sum(len(each.unlogged) for each in callers)
    assert sum(line.get("route") == "/v1/select" for line in lines) == asked
    assert "Traceback" not in keyart.log.read_text()


def test_what_is_under_way_when_the_port_closes_is_answered(home: Path) -> None:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
    with served(home, KEYART_DRAIN_SECONDS="0") as keyart, client_of(keyart) as http, ThreadPoolExecutor() as pool:
        with closing(pysqlite3.connect(str(home / "keyart.db"), isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            waiting = pool.submit(http.post, "/v1/events", json={"events": [an_event()]})
            time.sleep(0.3)
            keyart.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not answers(keyart), within=20)
            assert not waiting.done()
            holder.execute("ROLLBACK")
        assert waiting.result(30).json()["accepted"] == 1
        assert keyart.process.wait(20) == 0


def answers(served: Served) -> bool:
    """Tell whether the port is open."""
    try:
        with client_of(served) as fresh:
            return fresh.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.slow
def test_a_second_signal_ends_the_wait(home: Path) -> None:
    with served(home, KEYART_DRAIN_SECONDS="600") as keyart:
        keyart.process.send_signal(signal.SIGTERM)
        wait_until(lambda: keyart.http.get("/readyz").status_code == 503, within=20)
        assert keyart.end(signal.SIGTERM, within=10) == 0
