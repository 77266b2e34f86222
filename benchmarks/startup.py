"""How long `keyart serve` takes from its start until it is ready, with 100,000 artworks, and what memory it holds then.

The floor beside it: a Python process that reads the same rows with plain SQL, the vectors into one numpy matrix, and
does nothing else (`plain_read.py`).
"""

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, insert

from api.storage.database import open_engine, transaction
from api.storage.migration import migrate
from api.storage.revisions import Revision, next_revision
from api.storage.tables import artwork_descriptions, artwork_vectors, artworks, images, titles
from api.storage.vectors import EmbeddingVersion, add_embedding_version
from artwork.description import LABELS, REVISION, Measure
from benchmarks.serving import KEY, free_port, on_cores, started, wait_until_ready

TITLES, ARTWORKS, DIMENSION = 10_000, 10, 512
COUNT = TITLES * ARTWORKS
ROUNDS = 3
NOW = datetime(2026, 1, 1, 20, tzinfo=UTC)
EMBEDDING = "bench-images"
SERVER_CORES = (0,)


def run() -> list[dict[str, Any]]:
    """Return `startup_seconds` and `startup_seconds:memory`, MB, medians of one run beside the floor's."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        home = Path(folder)
        fill(home)
        with on_cores(*SERVER_CORES):
            _floor(home)  # the file is in the page cache from here on, for both
            rounds = [(*_start(home), *_floor(home)) for _ in range(ROUNDS)]
    seconds, memory, floor_seconds, floor_memory = (statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        _row("startup_seconds", seconds, floor_seconds, unit="s until /readyz, 100,000 artworks of 512 numbers"),
        _row("startup_seconds:memory", memory, floor_memory, unit="MB resident when ready"),
    ]


def fill(home: Path) -> None:
    """Make an installation of 10,000 titles with 10 active, embedded and described artworks each."""
    engine = open_engine(f"sqlite:///{home / 'keyart.db'}")
    migrate(engine)
    with transaction(engine) as connection:
        version = EmbeddingVersion(version=EMBEDDING, dimension=DIMENSION, domain="rendered")
        add_embedding_version(connection, version, now=NOW)
        revision = next_revision(connection, Revision.CATALOG)
        for first in range(0, TITLES, 500):
            numbers = range(first, first + 500)
            _insert(connection, titles, (_title(number, revision) for number in numbers))
            for table, row in _OF_AN_ARTWORK.items():
                _insert(connection, table, (row(*each, revision) for each in _artworks(numbers)))
    engine.dispose()


def _artworks(numbers: range) -> Iterator[tuple[int, int]]:
    return ((number, artwork) for number in numbers for artwork in range(ARTWORKS))


def _insert(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    connection.execute(insert(table), list(rows))


def _title(number: int, revision: int) -> dict[str, Any]:
    return {
        "title": f"title-{number:05d}",
        "name": f"Title {number}",
        "kind": "film",
        "genres": ["drama", "history"],
        "year": 2000 + number % 25,
        "language": "en",
        "runtime_seconds": 5400,
        "cast": [f"Person {number % 977}", f"Person {number % 499}"],
        "revision": revision,
        "updated_at": NOW,
    }


def _hash(number: int, artwork: int) -> str:
    return hashlib.sha256(f"{number}/{artwork}".encode()).hexdigest()


def _image(number: int, artwork: int, _: int) -> dict[str, Any]:
    row = {"sha256": _hash(number, artwork), "format": "jpeg", "width": 640, "height": 360, "bytes": 90_000}
    return {**row, "perceptual_hash": "0" * 64, "created_at": NOW}


def _artwork(number: int, artwork: int, revision: int) -> dict[str, Any]:
    return {
        "title": f"title-{number:05d}",
        "artwork": f"artwork-{artwork}",
        "is_default": artwork == 0,
        "locales": [],
        "spoiler": False,
        "devices": [],
        "image": _hash(number, artwork),
        "state": "active",
        "revision": revision,
        "updated_at": NOW,
    }


def _vector(number: int, artwork: int, _: int) -> dict[str, Any]:
    drawn = np.random.default_rng((number, artwork)).normal(size=DIMENSION)
    vector = (drawn / np.linalg.norm(drawn)).astype("<f4").tobytes()
    return {"image": _hash(number, artwork), "embedding_version": EMBEDDING, "vector": vector}


def _description(number: int, artwork: int, _: int) -> dict[str, Any]:
    rng = np.random.default_rng((number, artwork, 1))
    return {
        "image": _hash(number, artwork),
        "embedding_version": EMBEDDING,
        "revision": REVISION,
        "labels": {name: values[rng.integers(len(values))] for name, values in LABELS.items()},
        "measures": {measure.value: round(float(rng.uniform(-1, 1)), 4) for measure in Measure},
    }


_OF_AN_ARTWORK = {
    images: _image,
    artworks: _artwork,
    artwork_vectors: _vector,
    artwork_descriptions: _description,
}


def _start(home: Path) -> tuple[float, float]:
    """Seconds and MB of a server until it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "api.cli", "serve", "--home", str(home), "--port", str(port)]
    environment = {"OMP_NUM_THREADS": "1", "KEYART_ADMIN_KEY": KEY, "KEYART_OFFLINE": "1"}
    began = time.perf_counter()
    with started(command, environment=environment) as process:
        wait_until_ready(port, process)
        return time.perf_counter() - began, _resident_mb(process.pid)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def _floor(home: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.plain_read", str(home / "keyart.db")]
    began = time.perf_counter()
    memory = float(subprocess.run(command, check=True, capture_output=True, env={**os.environ}).stdout)
    return time.perf_counter() - began, memory


def _row(name: str, ours: float, floor: float, *, unit: str) -> dict[str, Any]:
    ratio = round(ours / floor, 2)
    return {"name": name, "value": round(ours, 2), "unit": unit, "peer": round(floor, 2), "ratio": ratio, "n": ROUNDS}
