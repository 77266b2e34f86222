"""Where the demo plays: a real `keyart serve --worker` on a loopback port, started and ended here."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec

from api.errors import Conflict

START_SECONDS = 60.0
LOG_FILE = "server.log"
KEY = secrets.token_urlsafe(32)
"""Opens the demo's server, made anew by every run."""


@contextmanager
def running_server(home: Path) -> Generator[httpx.Client]:
    """Start the server on a free port, yield a client for it once it is ready, and end it.

    Raises:
        Conflict: it is not ready within a minute; its log says why.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with (home / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 (our own command)
            [*_KEYART, "serve", "--home", str(home), "--port", str(port), "--worker"],
            stdout=log,
            stderr=log,
            env=_environment(home),
        )
        try:
            with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {KEY}"}, timeout=30.0) as client:
                _wait_until_ready(client, process, home / LOG_FILE)
                yield client
        finally:
            process.terminate()
            process.wait()


def keyart(home: Path, *arguments: str) -> dict[str, Any]:
    """Run a command that prints one JSON object, as a person would, and return the object.

    Raises:
        Conflict: the command failed; its last line says why.
    """
    command: Sequence[str] = [*_KEYART, *arguments, "--home", str(home), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(home))  # noqa: S603
    if ended.returncode != 0:
        said = (ended.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise Conflict(f"`keyart {' '.join(arguments)}` ended with code {ended.returncode}: {said}", "")
    return cast(dict[str, Any], msgspec.json.decode(ended.stdout))


_KEYART = (sys.executable, "-m", "api.cli")


def _environment(home: Path) -> dict[str, str]:
    """The demo has a database of its own, whatever the caller's settings are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYART_")}
    # What the demo learns and promotes it does itself, so that every step can be seen.
    return {**kept, "KEYART_HOME": str(home), "KEYART_OFFLINE": "1", "KEYART_ADMIN_KEY": KEY, "KEYART_LOOP": "off"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast(int, probe.getsockname()[1])


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise Conflict("The demo's server did not become ready.", f"Look into {log}.")
