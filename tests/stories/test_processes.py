"""One command is a whole Keyart, and ends whole: by a signal, by a crash, and in the middle of its work (C1, C3)."""

import re
import signal
import socket
import subprocess
import threading
from itertools import count
from pathlib import Path

import httpx

from api.dependencies.outcomes import OutcomeKind
from api.storage.database import open_engine, reading
from api.storage.outcomes import outcomes_of
from bandit.decision import PageId
from tests.api.installation import an_event, an_outcome, decisions_of, running, settings_in
from tests.api.pictures import picture
from tests.api.written import find_pages
from tests.architecture.house import ROOT
from tests.stories.served import KEYART, Served, alive, served, wait_until


def test_a_server_with_its_worker_ends_cleanly(tmp_path: Path) -> None:
    """From an empty folder: it migrates by itself, is locked, answers its first key, and leaves no process behind."""
    with served(tmp_path / "home", "--worker", KEYART_ADMIN_KEY="") as keyart:
        assert "Keyart listens on http://127.0.0.1:" in keyart.log.read_text()
        assert keyart.http.get("/v1/titles").status_code == 401
        [first] = re.findall(r"keyart_[0-9a-z]{10}_[0-9A-Za-z]{38}", keyart.log.read_text())
        keyart.http.headers["Authorization"] = f"Bearer {first}"
        keyart.http.put("/v1/titles/harbor", json={"name": "Harbor"})
        assert keyart.http.put("/v1/titles/harbor/artworks/a/image", content=picture(1)).status_code == 202
        assert keyart.http.get("/gallery/harbor").status_code == 200
        wait_until(lambda: len(keyart.family()) >= 2, within=20)
        family = keyart.family()
        assert keyart.end(signal.SIGTERM) == 0
        assert alive(family) == set()
        assert "Traceback" not in keyart.log.read_text()


def test_what_was_answered_survives_a_crash_and_no_process_outlives_it(home: Path) -> None:
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
    with served(home, "--worker") as keyart:
        wait_until(lambda: bool(keyart.family()), within=20)
        family = keyart.family()
        answered, reported = live_until_the_crash(keyart)
        assert keyart.end(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: not alive(family), within=20)
    assert len(answered) >= 20
    engine = open_engine(settings_in(home).database_url)
    with reading(engine) as connection:
        kept = find_pages(connection, answered)
        outcomes = outcomes_of(connection, answered)
    engine.dispose()
    assert set(answered) - kept.keys() == set()
    assert reported - {(each.page, each.event) for found in outcomes.values() for each in found} == set()
    with running(settings_in(home)) as again:
        assert again.select("harbor")["logged"] is True
        assert again.http.get("/readyz").json()["problems"] == {}


def live_until_the_crash(keyart: Served) -> tuple[list[PageId], set[tuple[str, str]]]:
    """Ask for pages and report outcomes from several threads; return what was answered before the server was gone."""
    answered: list[PageId] = []
    reported: set[tuple[str, str]] = set()
    numbers = count()
    enough = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=keyart.http.base_url, headers=keyart.http.headers, timeout=10) as http:
            while True:
                body = {"viewer": f"v{next(numbers)}", "titles": [{"title": "harbor"}]}
                try:
                    page = http.post("/v1/select", json=body).json()
                    answered.append(page["page"])
                    outcome = an_outcome(decisions_of(page)[0], OutcomeKind.SEEN)
                    http.post("/v1/outcomes", json={"outcomes": [outcome]}).raise_for_status()
                    reported.add((page["page"], outcome["event"]))
                    http.post("/v1/events", json={"events": [an_event(body["viewer"])]})
                except httpx.TransportError:
                    return
                if len(reported) >= 60:
                    enough.set()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    keyart.process.kill()
    for thread in threads:
        thread.join(30)
    return answered, reported


def test_a_port_that_is_taken_is_one_line(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = subprocess.run(
            [*KEYART, "serve", "--home", str(home), "--port", str(taken.getsockname()[1])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith("keyart: The server cannot listen on")
    assert len(ended.stderr.splitlines()) == 1
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr
