"""The open-loop generator sees the stalls that a closed loop hides, and refuses what it could not measure."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from benchmarks import open_loop as module
from benchmarks.open_loop import Measured, Plan, main, open_loop
from benchmarks.serving import Target

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BROKEN = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def server(answer: Callable[[int], bytes]) -> Iterator[int]:
    """A server that answers request after request, one at a time over all connections, as one busy core would."""
    turn, numbers = threading.Lock(), iter(range(10**9))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65536):
                    with turn:
                        connection.sendall(answer(next(numbers)))
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def measure(answer: Callable[[int], bytes], **plan: float) -> Measured:
    chosen = Plan(**{"rate": 1000, "seconds": 1.2, "connections": 8, **plan})  # type: ignore[arg-type]
    with server(answer) as port:
        return open_loop(Target(port=port, path="/x"), lambda _: b"{}", chosen)


def test_a_stall_is_seen_by_every_request_that_was_due_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_MS", 1e9)  # this machine does much else while it tests

    def stalling(number: int) -> bytes:
        if number == 300:
            time.sleep(0.4)
        return ANSWER

    measured = measure(stalling)
    assert measured.errors == {}
    assert measured.p90 > 150, "a third of the requests were due in the stall; a closed loop would report eight of them"
    assert measured.max >= 400


def test_a_server_that_falls_behind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_MS", 1e9)

    def slow(_: int) -> bytes:
        time.sleep(0.0015)
        return ANSWER

    refused = measure(slow).refused
    assert refused is not None
    assert "followed only" in refused


def test_errors_are_counted_and_refuse_the_result() -> None:
    measured = measure(lambda number: BROKEN if number % 10 == 0 else ANSWER)
    assert measured.errors == {"500": 120}
    assert measured.refused is not None
    assert "120 of 1200 requests failed" in measured.refused


def test_a_server_that_closes_its_connections_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
    measured = open_loop(Target(port=port, path="/x"), lambda _: b"{}", Plan(rate=2000, seconds=0.5))
    assert measured.errors == {"broken": 1000}
    assert np.isnan(measured.p99)


def test_a_generator_that_is_late_itself_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_MS", 0.0)
    refused = measure(lambda _: ANSWER).refused
    assert refused is not None
    assert "generator itself" in refused


def test_few_requests_have_no_99th_percentile() -> None:
    refused = measure(lambda _: ANSWER, seconds=0.1).refused
    assert refused is not None
    assert "too few" in refused


def test_moments_come_at_the_rate_and_from_the_seed() -> None:
    constant = Plan(rate=10, seconds=2, arrivals="constant").moments()
    assert constant == pytest.approx(np.arange(20) / 10)
    drawn = Plan(rate=500, seconds=20, seed=1).moments()
    assert np.diff(drawn).mean() == pytest.approx(1 / 500, rel=0.05)
    assert np.diff(drawn).std() == pytest.approx(1 / 500, rel=0.05), "gaps of a Poisson process: mean = deviation"
    assert (drawn == Plan(rate=500, seconds=20, seed=1).moments()).all()
    assert (drawn != Plan(rate=500, seconds=20, seed=2).moments()).any()


def test_the_command_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bodies = tmp_path / "pages.jsonl"
    bodies.write_text('{"page": 1}\n{"page": 2}\n')
    with server(lambda _: ANSWER) as port:
        code = main([f"http://127.0.0.1:{port}/x", "--rate", "500", "--seconds", "0.2", "--body", str(bodies)])
    printed = json.loads(capsys.readouterr().out)
    assert printed["requests"] == 100
    assert code == 3, "too few to be quoted"
    with pytest.raises(SystemExit) as ended:
        main(["https://127.0.0.1/x", "--rate", "5", "--body", str(bodies)])
    assert ended.value.code == 2
