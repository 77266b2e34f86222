"""Outcomes a second that POST /v1/outcomes takes, durable and counted, over HTTP; and how long it holds the write lock.

A thousand a request, 40 a page, none sent twice. The server is pinned to one core, with SQLite; the load is on the
other. The floor is the same rows put into a bare table of the same key, by the driver, on the server's core: one
transaction and one fsync a thousand, without HTTP, checks, counts or pages to be joined.
"""

import functools
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pysqlite3

from api.security import Keys, load_keys
from api.settings import load_settings
from api.storage.database import open_engine
from api.storage.migration import migrate
from api.storage.pages import new_page_id
from benchmarks.load import throughput
from benchmarks.serving import SERVER_CORE, Target, on_cores, pinned_server

A_REQUEST, SLOTS, SECONDS, FLOOR_BATCHES = 1000, 40, 8.0, 100
_TABLE = """CREATE TABLE outcomes (page CHAR(32), slot INT, event TEXT, kind TEXT, at TEXT, seconds FLOAT,
of_seconds FLOAT, received_at TEXT, PRIMARY KEY (page, slot, event)) WITHOUT ROWID"""


def run() -> list[dict[str, Any]]:
    """Return `outcomes_per_s`."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        home = Path(folder) / "home"
        settings = load_settings(home=home, database_url=f"sqlite:///{home / 'keyart.db'}")
        engine = open_engine(settings.database_url)
        migrate(engine)
        engine.dispose()
        keys = load_keys(settings)
        body_of = functools.cache(lambda _: _body(keys))
        for number in range(1000):  # made beforehand: the load's core has enough to do
            body_of(number)
        with pinned_server(home) as port:
            rate, _ = throughput(Target(port=port, path="/v1/outcomes"), body_of, seconds=SECONDS)
        floor = _floor(Path(folder) / "bare.db")
    ours = rate * A_REQUEST
    unit = f"outcomes/s over HTTP, {A_REQUEST} a request"
    row = {"name": "outcomes_per_s", "value": round(ours), "unit": unit, "peer": round(floor)}
    return [{**row, "ratio": round(ours / floor, 3), "n": round(rate * SECONDS) * A_REQUEST}]


def _body(keys: Keys) -> bytes:
    told: list[dict[str, Any]] = []
    at = datetime.now(UTC).isoformat()
    for _ in range(A_REQUEST // SLOTS):
        page = new_page_id()
        for slot in range(SLOTS):
            decision = keys.sign_decision(page, slot)
            seen = {"event": f"e-{decision[:35]}", "decision": decision, "kind": "seen", "at": at}
            told.append({**seen, "seconds": 12.5, "of_seconds": 5400.0})
    return msgspec.json.encode({"outcomes": told})


def _floor(database: Path) -> float:
    batches = [_rows() for _ in range(FLOOR_BATCHES)]
    connection = pysqlite3.connect(str(database), isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", _TABLE):
        connection.execute(statement)
    with on_cores(SERVER_CORE):
        begun = time.perf_counter()
        for rows in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)
            connection.execute("COMMIT")
        seconds = time.perf_counter() - begun
    connection.close()
    return FLOOR_BATCHES * A_REQUEST / seconds


def _rows() -> list[tuple[Any, ...]]:
    at = "2026-01-01 20:15:00.000000"
    pages = [new_page_id() for _ in range(A_REQUEST // SLOTS)]
    return [
        (page, slot, f"e-{page}-{slot:02d}", "seen", at, 12.5, 5400.0, at) for page in pages for slot in range(SLOTS)
    ]


if __name__ == "__main__":
    print(msgspec.json.encode(run()).decode())
