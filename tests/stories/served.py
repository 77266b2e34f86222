"""A real `keyart serve` in a process of its own, and the processes that it starts."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.architecture.house import ROOT

READY_SECONDS = 60
ADMIN_KEY = "the key of the administrator"
KEYART = (sys.executable, "-m", "api.cli")


@dataclass(frozen=True)
class Served:
    """A server's process, and a client for it."""

    process: subprocess.Popen[bytes]
    http: httpx.Client
    log: Path

    def family(self) -> set[int]:
        """The processes that descend from the server's, itself left out."""
        parents = {pid: parent for pid, parent in _running()}
        found: set[int] = set()
        while more := {pid for pid, parent in parents.items() if parent in {self.process.pid, *found}} - found:
            found |= more
        return found

    def end(self, number: signal.Signals, *, within: float = 30) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within)


@contextmanager
def served(home: Path, *options: str, **settings: str) -> Iterator[Served]:
    """Start `keyart serve` on a free port and yield when it is ready; it ends with the block at the latest."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYART_")}
    environment |= {"KEYART_OFFLINE": "1", "KEYART_TORCH_THREADS": "1", "KEYART_REFRESH_SECONDS": "0.1"}
    environment |= {"KEYART_ADMIN_KEY": ADMIN_KEY, **settings}
    command = [*KEYART, "serve", "--home", str(home), "--port", str(port), *options]
    log = home.parent / "server.log"
    with log.open("ab") as written, _client(port) as http:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written)
        try:
            wait_until(lambda: _is_ready(http, process, log), within=READY_SECONDS)
            yield Served(process, http, log)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)


def wait_until(true: Callable[[], bool], *, within: float) -> None:
    """Ask again and again until it is true."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, f"not within {within} seconds"
        time.sleep(0.05)


def alive(pids: set[int]) -> set[int]:
    """Those of the processes that still run; a zombie does not."""
    return pids & {pid for pid, _ in _running()}


def _running() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state != "Z":
                yield int(folder.name), int(parent)


def _is_ready(http: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _client(port: int) -> httpx.Client:
    key = {"Authorization": f"Bearer {ADMIN_KEY}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=key)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
