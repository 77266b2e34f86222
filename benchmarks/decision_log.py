"""How many pages a second the decision log makes durable on SQLite, and how long a caller waits for its page.

`python -m benchmarks.decision_log [--folder FOLDER]`: callers in threads, pages of 40 titles × 6 artworks, one fsync a
group. The folder must lie on the disk that is to be measured.
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import numpy as np

from api.storage.database import open_engine
from api.storage.decision_log import DecisionLog
from api.storage.migration import migrate
from api.storage.pages import new_page_id
from artwork.catalog import ArtworkId, TitleId
from bandit.context import RequestContext
from bandit.decision import Page, PolicyVersionId, Slot
from foundation.events import ViewerId

PAGES = 3000
TITLES = 40


def run(folder: str | None = None) -> list[dict[str, Any]]:
    """Measure with 1, 8 and 40 callers at once; `wait_p50` and `wait_p99` are milliseconds for a page."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        engine = open_engine(f"sqlite:///{home}/keyart.db")
        migrate(engine)
        log = DecisionLog(engine)
        measured = [_measure(log, callers) for callers in (1, 8, 40)]
        log.close()
        engine.dispose()
    return measured


def _measure(log: DecisionLog, callers: int) -> dict[str, Any]:
    pages = [_page() for _ in range(PAGES)]
    commits = log.counts().commits

    def append(page: Page) -> float:
        begun = time.perf_counter()
        if not log.append(page, timeout=10):
            raise RuntimeError("A page could not be logged; the disk is too slow or full to be measured.")
        return time.perf_counter() - begun

    begun = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        waits = list(pool.map(append, pages))
    seconds = time.perf_counter() - begun
    wait_p50, wait_p99 = np.percentile(waits, [50, 99]) * 1000
    return {
        "name": f"log_pages_{callers}_callers",
        "value": round(PAGES / seconds),
        "unit": "pages/s",
        "n": PAGES,
        "pages_a_commit": round(PAGES / (log.counts().commits - commits), 1),
        "wait_p50": round(float(wait_p50), 2),
        "wait_p99": round(float(wait_p99), 2),
    }


def _page() -> Page:
    artworks = tuple(ArtworkId(f"artwork-{number}") for number in range(6))
    now = datetime.now(UTC)
    slot = {
        "artworks": artworks,
        "images": ("0123456789abcdef",) * 6,
        "probabilities": (1 / 6,) * 6,
        "chosen": 0,
    }
    return Page(
        page=new_page_id(),
        viewer=ViewerId("0" * 32),
        at=now,
        request=RequestContext(at=now, device="tv"),
        policy=PolicyVersionId("uniform"),
        policy_digest="0" * 64,
        embedding_version="keyart-lite-1a2b3c4d5e6f",
        foundation_version="viewers-1a2b3c4d5e6f",
        viewer_vector=bytes(128),
        salt="keyart",
        window=20_000,
        slots=tuple(Slot(title=TitleId(f"title-{index}"), position=index, **slot) for index in range(TITLES)),
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", help="where to write; a temporary folder by default")
    for line in run(arguments.parse_args().folder):
        print(line)
