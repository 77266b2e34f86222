"""Any number of servers on one database: each follows what is promoted, fails no request, and they agree (C2)."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from api.storage.database import open_engine, transaction
from api.storage.migration import migrate
from api.storage.policies import PolicyVersion, add_policy_version
from bandit.policies.most_played import MostPlayedPolicy, Played
from tests.api.installation import AT, Installation, running, settings_in
from tests.stories.served import alive, served, wait_until

TITLES = ("harbor", "tundra", "meadow")
ONCE = {"Connection": "close"}
"""Each request has a connection of its own, so that any of the processes may get it."""
Servers = Sequence[httpx.Client]


@contextmanager
def on_postgresql(server: URL, name: str) -> Iterator[str]:
    """The address of a database of the test's own."""
    administrator = create_engine(server, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    administrator.dispose()


def stock(home: Path, url: str | None) -> str:
    """Fill an installation, and return a version that is loaded by its digest and that nobody has promoted yet."""
    settings = settings_in(home, **({} if url is None else {"database_url": url}))
    engine = open_engine(settings.database_url)
    migrate(engine)
    with running(settings) as installation:
        images = [image for title in TITLES for image in installation.put_title(title)]
        version = _add_version(installation, images)
    engine.dispose()
    return version


def _add_version(installation: Installation, images: Sequence[str]) -> str:
    policy = MostPlayedPolicy({image: Played(1000, 10 * place) for place, image in enumerate(images)}, epsilon=0.3)
    digest = installation.blobs.put_model(policy.to_bytes())
    added = PolicyVersion(version=policy.version, digest=digest, manifest={"reward": "x"}, created_at=datetime.now(UTC))
    with transaction(installation.engine) as connection:
        add_policy_version(connection, added)
    return policy.version


def body(viewer: str) -> dict[str, object]:
    context = {"at": AT.isoformat(), "device": "tv"}
    return {"viewer": viewer, "context": context, "titles": [{"title": title} for title in TITLES]}


def live_on(server: httpx.Client) -> str:
    policy: str = server.get("/readyz").json()["policy"]
    return policy


class Traffic:
    """Requests to all servers, one after the other, from a few threads, until the block ends."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._ending = threading.Event()
        self._numbers = count()
        self.seen: list[tuple[int, int, str]] = []

    def __enter__(self) -> "Traffic":
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ending.is_set():
            number = next(self._numbers)
            which = number % len(self._servers)
            try:
                answer = self._servers[which].post("/v1/select", json=body(f"viewer-{number % 50}"))
                told = answer.json()
                self.seen.append((which, answer.status_code, told.get("policy", "")))
            except httpx.TransportError as error:
                self.seen.append((which, 0, str(error)))


def they_follow(servers: Servers, version: str, *, refresh: Callable[[], None]) -> None:
    """Promote by one and roll back by another, under requests: both follow, and none of the requests fails."""
    with Traffic(servers) as traffic:
        for turn in range(3):
            promoter, other = servers[turn % 2], servers[(turn + 1) % 2]
            order = {"reason": "a test", "force": True}
            assert promoter.post(f"/v1/policies/{version}:promote", json=order).status_code == 200
            refresh()
            wait_until(lambda: all(live_on(each) == version for each in servers), within=20)
            _wait_for_more(traffic)
            assert other.post("/v1/policies:rollback", json={"reason": "a test"}).status_code == 200
            refresh()
            wait_until(lambda: all(live_on(each) == "uniform" for each in servers), within=20)
            _wait_for_more(traffic)
    assert {status for _, status, _ in traffic.seen} == {200}, [each for each in traffic.seen if each[1] != 200][:3]
    decided = {(which, policy) for which, _, policy in traffic.seen}
    assert {(which, policy) for which in range(len(servers)) for policy in (version, "uniform")} <= decided


def _wait_for_more(traffic: Traffic) -> None:
    enough = len(traffic.seen) + 20
    wait_until(lambda: len(traffic.seen) >= enough, within=20)


def the_same_key_at_once_is_one_answer(servers: Servers) -> None:
    """C2 across processes: both are asked in the same moment, and whoever comes second gives the first one's answer."""
    for number in range(15):
        together = threading.Barrier(len(servers))

        def ask(server: httpx.Client, number: int = number, together: threading.Barrier = together) -> bytes:
            together.wait()
            headers = {"Idempotency-Key": f"key-{number}"}
            answer = server.post("/v1/select", json=body(f"twin-{number}"), headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.content

        with ThreadPoolExecutor(len(servers)) as pool:
            assert len(set(pool.map(ask, servers))) == 1
        refused = servers[number % 2].post(
            "/v1/select", json=body("another"), headers={"Idempotency-Key": f"key-{number}"}
        )
        assert refused.status_code == 422


def draws_are_equal(servers: Servers) -> None:
    """A viewer keeps an artwork for a window, whichever server answers."""
    for number in range(20):
        pages = [server.post("/v1/select", json=body(f"sticky-{number}")).json()["slots"] for server in servers]
        drawn = [[(slot["title"], slot["artwork"], slot["probability"]) for slot in page] for page in pages]
        assert drawn[0] == drawn[1]


def test_c2_two_servers_on_one_postgresql(home: Path, postgresql_server: URL) -> None:
    with on_postgresql(postgresql_server, "replicas") as url:
        version = stock(home, url)
        settings = settings_in(home, database_url=url, hold_back=0.0)
        with running(settings) as one, running(settings) as other:
            servers = (one.http, other.http)

            def refresh() -> None:
                one.services.refresh()
                other.services.refresh()

            they_follow(servers, version, refresh=refresh)
            the_same_key_at_once_is_one_answer(servers)
            draws_are_equal(servers)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_c2_two_server_processes_on_one_database(home: Path, database: str, request: pytest.FixtureRequest) -> None:
    with ExitStack() as stack:
        url = None
        if database == "postgresql":
            url = stack.enter_context(on_postgresql(request.getfixturevalue("postgresql_server"), "replicas_apart"))
        version = stock(home, url)
        settings = {"KEYART_HOLD_BACK": "0", "KEYART_SELECT_BUDGET_MS": "5000"}
        settings |= {} if url is None else {"KEYART_DATABASE_URL": url}
        pair = [stack.enter_context(served(home, **settings)) for _ in range(2)]
        servers = [each.http for each in pair]
        they_follow(servers, version, refresh=lambda: None)
        the_same_key_at_once_is_one_answer(servers)
        draws_are_equal(servers)


def test_several_processes_share_a_port_and_end_together(home: Path) -> None:
    """`keyart serve --workers 2`: one set of settings, one /metrics, and SIGTERM drains them all."""
    version = stock(home, None)
    options = {"KEYART_HOLD_BACK": "0", "KEYART_SELECT_BUDGET_MS": "5000", "KEYART_DRAIN_SECONDS": "0"}
    with served(home, "--workers", "2", **options) as keyart:
        sent = 0
        while len(committed := _committed(keyart.http)) < 2:
            sent += 12
            assert sent < 600, "one process answers everything"
            for number in range(sent - 12, sent):
                answer = keyart.http.post("/v1/select", json=body(f"viewer-{number}"), headers=ONCE)
                assert answer.json()["logged"] is True
        assert sum(committed.values()) == sent
        order = {"reason": "a test", "force": True}
        assert keyart.http.post(f"/v1/policies/{version}:promote", json=order).status_code == 200
        wait_until(lambda: _everyone_decides_with(keyart.http, version), within=20)
        family = keyart.family()
        assert keyart.end(signal.SIGTERM) == 0
        wait_until(
            lambda: alive(family) == set(), within=30
        )  # a tracker of shared memory ends a moment after its owner
        assert "Traceback" not in keyart.log.read_text()


def _committed(http: httpx.Client) -> dict[str, float]:
    """The pages that each process made durable, of those that made any."""
    told = [
        line for line in http.get("/metrics").text.splitlines() if 'keyart_log_pages_total{fate="committed"' in line
    ]
    counts = {line.partition("process=")[2]: float(line.rpartition(" ")[2]) for line in told}
    return {process: count for process, count in counts.items() if count}


def _everyone_decides_with(http: httpx.Client, version: str) -> bool:
    """Ten new connections: they are spread over the processes."""
    return {http.get("/readyz", headers=ONCE).json()["policy"] for _ in range(10)} == {version}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_server_process_that_dies_is_replaced_and_the_others_go_on(
    home: Path, database: str, request: pytest.FixtureRequest
) -> None:
    """Only what was under way in the one that died gets no answer, and at most one request of each caller was."""
    with ExitStack() as stack:
        settings = {"KEYART_SELECT_BUDGET_MS": "5000", "KEYART_HOLD_BACK": "0"}
        if database == "postgresql":
            server = request.getfixturevalue("postgresql_server")
            settings["KEYART_DATABASE_URL"] = stack.enter_context(on_postgresql(server, "replica_dies"))
        stock(home, settings.get("KEYART_DATABASE_URL"))
        keyart = stack.enter_context(served(home, "--workers", "2", **settings))
        wait_until(lambda: len(_processes(keyart.http)) == 2, within=60)
        with Traffic([keyart.http]) as traffic:
            _wait_for_more(traffic)
            family, before = keyart.family(), _processes(keyart.http)
            victim = next(iter(before))
            os.kill(victim, signal.SIGKILL)
            _wait_for_more(traffic)
            wait_until(lambda: len(keyart.family()) == len(family) and victim not in keyart.family(), within=60)
            wait_until(lambda: len(_processes(keyart.http) - before) == 1, within=60)
            _wait_for_more(traffic)
        failed = [each for each in traffic.seen if each[1] != 200]
        assert {status for _, status, _ in failed} <= {0}
        assert len(failed) <= 3, "one under way for each of the three callers"


def _processes(http: httpx.Client) -> set[int]:
    """The processes that /metrics tells of."""
    try:
        told = http.get("/metrics", headers=ONCE).text.splitlines()
    except httpx.TransportError:
        return set()
    return {int(line.split('process="')[1].split('"')[0]) for line in told if 'process="' in line}
