"""The client against servers that fail on a real socket: dead, silent, slow, nameless. Every page renders in time."""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from api.client import Asked, ClientOptions, KeyartClient, ReportedOutcome
from tests.architecture.house import ROOT

TITLES = [Asked(title="harbor")]
DEADLINE, SLACK = 0.15, 0.6
"""Seconds; the slack is for a machine that does much else."""


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on loopback that treats every connection so; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def accept() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=treat, args=(connection,), daemon=True).start()

        def treat(connection: socket.socket) -> None:
            with connection:
                try:
                    serve(connection)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket) -> None:
    """A black hole: it takes everything and answers nothing."""
    while connection.recv(65536):
        pass


def dribbling(connection: socket.socket) -> None:
    """A byte now and then: no single read ever takes long."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def dribbling_headers(connection: socket.socket) -> None:
    """The same before the answer has even begun."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.02)


def hanging_up(connection: socket.socket) -> None:
    """It reads the request and closes."""
    connection.recv(65536)


def paging(connection: socket.socket) -> None:
    """It answers every request with the same page."""
    slot = {"title": "harbor", "decision": "d", "artwork": "a", "image": "/a.jpg", "probability": 1, "reason": "policy"}
    page = json.dumps({"page": "p", "policy": "uniform", "logged": True, "slots": [slot]}).encode()
    while connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))


def healthy(connection: socket.socket) -> None:
    """A server whose every answer is an empty object: alive, and no use."""
    while connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def timed(keyart: KeyartClient) -> float:
    """Seconds of a page that must render by the caller's default."""
    began = time.monotonic()
    page = keyart.select("viewer-1", TITLES)
    seconds = time.monotonic() - began
    assert page.error is not None
    assert [slot.image for slot in page.slots] == ["/default.jpg"]
    return seconds


def client(address: str, **options: float) -> KeyartClient:
    chosen = ClientOptions(**options)  # type: ignore[arg-type]
    return KeyartClient(address, defaults={"harbor": "/default.jpg"}, deadline=DEADLINE, options=chosen)


@pytest.mark.parametrize("serve", [silent, dribbling, dribbling_headers, hanging_up], ids=lambda serve: serve.__name__)
def test_a_page_keeps_its_deadline_whatever_the_server_does(serve: Callable[[socket.socket], None]) -> None:
    with server(serve) as address, client(address) as keyart:
        assert timed(keyart) < DEADLINE + SLACK


def test_an_address_where_nobody_listens_costs_no_deadline() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with client(f"http://127.0.0.1:{reserved.getsockname()[1]}", retries=0) as keyart:
            assert timed(keyart) < SLACK


def test_a_dead_server_costs_no_page_its_deadline_for_long() -> None:
    with server(silent) as address, client(address, failures=3, pause=0.1) as keyart:
        for _ in range(3):
            timed(keyart)
        skipped = []
        until = time.monotonic() + 0.5
        while time.monotonic() < until:  # pauses end meanwhile, and a look at the server goes on beside the pages
            skipped.append(timed(keyart))
            time.sleep(0.005)
        counts = keyart.counts()
    assert sorted(skipped)[len(skipped) * 9 // 10] < DEADLINE, "no page waited for the server"
    assert (counts["failed"], counts["skipped"]) == (3, len(skipped))


def test_a_server_that_is_back_is_asked_again_and_one_that_only_looks_so_is_left_alone_again() -> None:
    with server(healthy) as address, client(address, failures=2, pause=0.02) as keyart:
        for _ in range(2):
            timed(keyart)
        until = time.monotonic() + 5
        while keyart.counts()["failed"] < 4 and time.monotonic() < until:
            timed(keyart)
            time.sleep(0.005)
        counts = keyart.counts()
    assert counts["failed"] == 4, "it was asked again after each pause, since it answers a look"
    assert counts["skipped"] > 0


@pytest.mark.parametrize("serve", [dribbling, dribbling_headers, silent], ids=lambda serve: serve.__name__)
def test_connections_that_a_slow_server_holds_come_back(serve: Callable[[socket.socket], None]) -> None:
    ill = threading.Event()
    ill.set()

    def recovering(connection: socket.socket) -> None:
        connection.recv(1, socket.MSG_PEEK)  # a connection may come about now and be used when the server is well
        (serve if ill.is_set() else paging)(connection)

    with server(recovering) as address, client(address, connections=2, failures=1000) as keyart:
        pages = [threading.Thread(target=timed, args=(keyart,)) for _ in range(6)]
        for each in pages:
            each.start()
        for each in pages:
            each.join()
        ill.clear()
        assert keyart.select("viewer-1", TITLES, deadline=10).error is None


def test_pages_that_are_in_a_hurry_leave_no_connections_behind() -> None:
    """Cancelled at every moment of a request, which httpx does not always clean up after."""
    opened = Counter[str]()

    def counted(connection: socket.socket) -> None:
        opened["now"] += 1
        try:
            paging(connection)
        finally:
            opened["now"] -= 1

    def hurry(keyart: KeyartClient, chance: random.Random) -> None:
        for _ in range(100):
            keyart.select("viewer-1", TITLES, deadline=chance.uniform(0.0005, 0.01))

    with server(counted) as address, client(address, connections=4, failures=1_000_000) as keyart:
        pages = [threading.Thread(target=hurry, args=(keyart, random.Random(seed))) for seed in range(4)]
        for each in pages:
            each.start()
        for each in pages:
            each.join()
        assert keyart.select("viewer-1", TITLES, deadline=10).error is None
        until = time.monotonic() + 5
        while opened["now"] > 12 and time.monotonic() < until:
            time.sleep(0.01)
        assert opened["now"] <= 12, "those of two pools, and what one may lose"


@pytest.mark.parametrize("serve", [silent, dribbling, dribbling_headers], ids=lambda serve: serve.__name__)
def test_a_report_keeps_its_deadline_too(serve: Callable[[socket.socket], None]) -> None:
    outcome = ReportedOutcome(event="e", decision="d", kind="seen", at="2026-01-01T00:00:00Z")
    with server(serve) as address, client(address) as keyart:
        began = time.monotonic()
        reported = keyart.report([outcome], deadline=DEADLINE)
        assert time.monotonic() - began < DEADLINE + SLACK
    assert (reported.accepted, reported.error) == (0, f"no answer within {DEADLINE} s")


def test_a_name_that_nobody_answers_for_costs_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_how: asleep.wait(30) or [])
    try:
        with client("http://keyart.invalid") as keyart:
            assert timed(keyart) < DEADLINE + SLACK
    finally:
        asleep.set()


def test_a_certificate_that_is_not_trusted_renders_defaults() -> None:
    with server(hanging_up) as address, client(address.replace("http:", "https:"), retries=0) as keyart:
        assert timed(keyart) < DEADLINE + SLACK


FORKING = """
import os, sys
from api.client import Asked, KeyartClient

keyart = KeyartClient(sys.argv[1], deadline=10)
def page():
    return keyart.select("viewer-1", [Asked(title="harbor")]).error
assert page() is None
child = os.fork()
assert page() is None
assert keyart.counts()["answered"] == (1 if child == 0 else 2)
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def test_parent_and_forked_child_each_have_connections_of_their_own() -> None:
    with server(paging) as address:
        subprocess.run([sys.executable, "-c", FORKING, address], check=True, timeout=30, cwd=ROOT)


ENDING = """
import sys
from api.client import KeyartClient
from api.outcome_queue import OutcomeQueue, QueueOptions

outcomes = OutcomeQueue(KeyartClient(sys.argv[1]).report, QueueOptions(every=30, exit_within=10))
outcomes.record("d", "seen")
"""


def test_what_waits_leaves_when_the_process_ends_though_the_server_is_known_by_name() -> None:
    """asyncio looks no names up any more by then."""
    asked: list[bytes] = []

    def taking(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        answer = b'{"accepted": 1, "duplicates": 0, "rejected": []}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

    with server(taking) as address:
        name = address.replace("127.0.0.1", "localhost")
        subprocess.run([sys.executable, "-c", ENDING, name], check=True, timeout=30, cwd=ROOT)
    assert [request.split(b" ", 2)[1] for request in asked] == [b"/v1/outcomes"]
