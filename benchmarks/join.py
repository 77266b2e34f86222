"""How long a log takes to be joined and exported, and what memory that needs.

`python -m benchmarks.join --pages 250000` makes a log of so many pages of 40 titles × 6 artworks on SQLite (SEEN of the
slots were seen, PLAYED of those played), then joins and exports it in a process of its own, on one core. Seconds are
of the processor, start and imports counted: by the clock they depend on who else is at work. Their floor is one reading
pass over the same pages and outcomes that keeps nothing; the peer of the memory is the same work on a tenth of the log.

`make bench` runs it in full: 250,000 pages, 10 million decisions, 4 GB on disk. The rows say how many there were (`n`).
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Engine

from api.jobs.exporting import export_log
from api.jobs.joining import join_rewards
from api.storage.bulk import insert_many, stamp
from api.storage.catalog import put_title
from api.storage.columns import chunks
from api.storage.database import open_engine, reading, transaction
from api.storage.due import NewPage, admit
from api.storage.migration import migrate
from api.storage.outcomes import add_outcomes, stored_outcomes
from api.storage.pages import PAGES_A_READ, encode_page, page_id_at, read_pages
from api.storage.tables import pages
from artwork.catalog import ArtworkId, Title, TitleId
from bandit.context import RequestContext
from bandit.decision import Outcome, OutcomeKind, Page, PageId, PolicyVersionId, Slot
from bandit.rewards import RewardWindows
from foundation.events import EventId, ViewerId

SLOTS, ARTWORKS, TITLES, VIEWERS, VECTOR = 40, 6, 400, 5000, 32
SEEN, PLAYED = 0.5, 0.1
DAYS, START = 7, datetime(2026, 1, 1, tzinfo=UTC)
FULL = 250_000
WINDOW = RewardWindows(timedelta(hours=1))
NOW = START + timedelta(days=DAYS + 1)
_COLUMNS = ("page", "at", "viewer", "policy", "embedding_version", "foundation_version", "slots", "body")


def run(count: int = FULL) -> list[dict[str, Any]]:
    """Return `join_10m_seconds` and `join_10m_mb`."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as folder:
        small, whole = Path(folder) / "small", Path(folder) / "whole"
        for home, length in ((small, max(1, count // 10)), (whole, count)):
            home.mkdir()
            make_log(_engine(home), length)
        floor = _apart(read_once, whole)
        before, after = _apart(join_and_export, small), _apart(join_and_export, whole)
    return rows_of(before, after, floor, decisions=count * SLOTS)


def rows_of(
    before: dict[str, float], after: dict[str, float], floor: dict[str, float], *, decisions: int
) -> list[dict[str, Any]]:
    """The rows of results.json from what the small log, the whole one and the reading pass took."""
    print(json.dumps({"small": before, "whole": after, "floor": floor}))
    clock = "by the clock join {join:.0f}, export {export:.0f}".format(**after)
    unit = f"processor s ({clock}; peer: one reading pass)"
    return [
        _row("join_10m_seconds", after["cpu"], floor["cpu"], unit=unit, n=decisions),
        _row("join_10m_mb", after["mb"], before["mb"], unit="MB (peer: a tenth of the log)", n=decisions),
    ]


def _row(name: str, ours: float, peer: float, *, unit: str, n: int) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(ours, 1),
        "unit": unit,
        "peer": round(peer, 1),
        "ratio": round(ours / peer, 2),
        "n": n,
    }


def _engine(home: Path) -> Engine:
    return open_engine(f"sqlite:///{home / 'keyart.db'}")


def make_log(engine: Engine, count: int) -> None:
    """Write `count` pages over some days, with their outcomes, through the same doors as a server."""
    migrate(engine)
    with transaction(engine) as connection:
        for number in range(TITLES):
            put_title(connection, Title(title=_title(number), name="A title", runtime_seconds=5400), now=START)
    rng = np.random.default_rng(0)
    patterns = [_pattern(rng) for _ in range(200)]
    for numbers in chunks(range(count), 1000):
        made = [_page(patterns, number, count) for number in numbers]
        told = [outcome for page in made for outcome in _outcomes(page, rng)]
        with transaction(engine) as connection:
            insert_many(connection, pages, _COLUMNS, rows=[_stored(connection, page) for page in made])
            admit(connection, [NewPage(page.page, page.at, SLOTS) for page in made])
        with transaction(engine) as connection:
            add_outcomes(connection, told, now=made[-1].at)


def _title(number: int) -> TitleId:
    return TitleId(f"title-{number:04d}")


def _pattern(rng: np.random.Generator) -> tuple[Slot, ...]:
    names = tuple(ArtworkId(f"artwork-{number}") for number in range(ARTWORKS))
    slots: list[Slot] = []
    for position, title in enumerate(rng.choice(TITLES, SLOTS, replace=False).tolist()):
        images = tuple(f"{title * ARTWORKS + number:016x}" for number in range(ARTWORKS))
        stated = rng.dirichlet(np.ones(ARTWORKS))
        slots.append(
            Slot(
                title=_title(title),
                artworks=names,
                images=images,
                probabilities=tuple(stated.tolist()),
                chosen=int(rng.integers(ARTWORKS)),
                position=position,
                score=float(rng.random()),
            )
        )
    return tuple(slots)


def _page(patterns: list[tuple[Slot, ...]], number: int, count: int) -> Page:
    at = START + timedelta(days=DAYS) * (number / count)
    viewer = number % VIEWERS
    page = PageId(page_id_at(at)[:16] + f"{number:016x}")
    return Page(
        page=page,
        viewer=ViewerId(f"{viewer:032x}"),
        at=at,
        request=RequestContext(at=at, device="tv", row="recommended", locale="en-GB"),
        policy=PolicyVersionId("linear-0123456789ab"),
        policy_digest="d" * 64,
        embedding_version="bench-images",
        foundation_version="bench-viewers",
        viewer_vector=np.full(VECTOR, viewer / VIEWERS, "<f4").tobytes(),
        salt="keyart",
        window=20_000,
        slots=patterns[number % len(patterns)],
    )


def _stored(connection: Any, page: Page) -> tuple[Any, ...]:
    versions = (page.policy, page.embedding_version, page.foundation_version)
    return (page.page, stamp(connection, page.at), page.viewer, *versions, SLOTS, encode_page(page))


def _outcomes(page: Page, rng: np.random.Generator) -> Iterator[Outcome]:
    drawn = rng.random((SLOTS, 2))
    at = page.at + timedelta(minutes=2)
    for slot, (seen, played) in enumerate(drawn.tolist()):
        if seen < SEEN:
            name = f"{page.page}-{slot:02d}"
            yield Outcome(event=EventId(f"{name}-seen"), page=page.page, slot=slot, kind=OutcomeKind.SEEN, at=at)
            if played < PLAYED:
                event, kind = EventId(f"{name}-watched"), OutcomeKind.WATCHED
                seconds = 5400 * played / PLAYED
                yield Outcome(event=event, page=page.page, slot=slot, kind=kind, at=at, seconds=seconds)


def join_and_export(home: Path) -> dict[str, float]:
    """Join everything that is due, export it, and say how long each took."""
    engine = _engine(home)
    begun = time.perf_counter()
    while join_rewards(engine, windows=WINDOW, now=NOW):
        pass
    joined = time.perf_counter()
    exported = export_log(engine, home / "exports")
    ended = time.perf_counter()
    return {"join": joined - begun, "export": ended - joined, "seconds": ended - begun, "rows": exported.rows}


def read_once(home: Path) -> dict[str, float]:
    """Read every page and every outcome once, and keep nothing."""
    engine = _engine(home)
    begun = time.perf_counter()
    for batch in chunks(read_pages(engine, batch=PAGES_A_READ), PAGES_A_READ):
        with reading(engine) as connection:
            stored_outcomes(connection, [page.page for page in batch])
    return {"seconds": time.perf_counter() - begun}


def _apart(work: Callable[[Path], dict[str, float]], home: Path) -> dict[str, float]:
    """Work in a new process on one core; `mb` is the most memory that it held, `cpu` the seconds that it computed."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_report, args=(work, home, theirs))
    process.start()
    found: dict[str, float] = mine.recv()
    process.join()
    return found


def _report(work: Callable[[Path], dict[str, float]], home: Path, pipe: Pipe) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = work(home)
    pipe.send({**found, "cpu": time.process_time(), "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=FULL)
    print(msgspec.json.encode(run(parser.parse_args().pages)).decode())
