"""A real `keyart serve` that can be killed, starved and started again on the same port, over the same home.

Faults are put around the process (a prefix of its command, its environment, its limits), never into its code.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.architecture.house import ROOT
from tests.stories.served import wait_until

ADMIN_KEY = "an admin key of the tests of faults"
BUDGET_MS = 250
READY_SECONDS = 180
AUTHORIZED = {"Authorization": f"Bearer {ADMIN_KEY}"}


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the process meets: `command` stands before its own, `prepare` runs in it before it becomes Keyart."""

    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None


PLAIN = Surroundings()


class Server:
    """`keyart serve` on one port and one home, started as often as a test likes."""

    def __init__(self, home: Path, *options: str, **settings: str) -> None:
        self.home = home
        self.log = home.parent / f"{home.name}.log"
        self.port = _free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=AUTHORIZED, timeout=30)
        self._options = options
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs, or ran last."""
        assert self._process is not None, "start it first"
        return self._process

    def start(self, around: Surroundings = PLAIN, *, ready: bool = True) -> None:
        """Start the process, and wait until it says that it is ready (or only answers, where it cannot be)."""
        own = (sys.executable, "-m", "api.cli", "serve", "--home", str(self.home), "--port", str(self.port))
        with self.log.open("ab") as written:
            self._process = subprocess.Popen(
                [*around.command, *own, *self._options],
                cwd=ROOT,
                env={**self._environment(), **around.environment},
                stdout=written,
                stderr=written,
                preexec_fn=around.prepare,
            )
        path = "/readyz" if ready else "/healthz"
        wait_until(lambda: self._answers(path), within=READY_SECONDS)

    def give_time(self) -> None:
        """Let pages take ten seconds from the next start on, so that even a busy machine looks up what it is asked."""
        self._settings = {**self._settings, "KEYART_SELECT_BUDGET_MS": "10000"}

    def kill(self) -> None:
        """kill -9, wherever it is."""
        self.process.kill()
        self.process.wait(30)

    def end(self, number: signal.Signals = signal.SIGTERM, *, within: float = 30) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within)

    def close(self) -> None:
        """Leave no process and no connection behind."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self.http.close()

    def complaints(self) -> str:
        """What all its processes wrote."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("KEYART_")}
        own = {
            "KEYART_ADMIN_KEY": ADMIN_KEY,
            "KEYART_OFFLINE": "1",
            "KEYART_REFRESH_SECONDS": "0.2",
            "KEYART_SELECT_BUDGET_MS": str(BUDGET_MS),
            "OMP_NUM_THREADS": "1",
        }
        return {**inherited, **own, **self._settings}

    def _answers(self, path: str) -> bool:
        assert self.process.poll() is None, self.complaints()
        with suppress(httpx.TransportError):
            return self.http.get(path).status_code == 200
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
