"""C3 and C5 for outcomes as the world sends them: twice, shuffled, late, before their decision, forged, in storms."""

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.jobs.joining import join_rewards
from api.storage.database import reading
from api.storage.decision_log import LogEntry
from api.storage.pages import find_page
from api.storage.tallies import Conservation, read_conservation
from bandit.decision import PageId
from bandit.rewards import RewardWindows
from tests.api.installation import Installation, decisions_of, running, settings_in
from tests.faults.checks import assert_conserved
from tests.faults.figures import Figure, Record
from tests.faults.ledger import Ledger
from tests.faults.server import ADMIN_KEY, AUTHORIZED
from tests.faults.traffic import IN_TIME, Pictures

WINDOW = timedelta(hours=1)
BATCH = 25


class World:
    """Reports of every kind about the decisions of some pages, and how many of each fate there must be."""

    def __init__(self, decisions: Sequence[str], chance: random.Random) -> None:
        self.rows: list[dict[str, Any]] = []
        self.fates: Counter[str] = Counter()
        self.kept: list[dict[str, Any]] = []
        for decision in decisions:
            for row, fate in reports_of(decision, chance.random()):
                self.rows.append(row)
                self.fates[fate] += 1
                self.kept += [row] if fate in ("matched", "late") else []
        chance.shuffle(self.rows)


@dataclass
class Storm:
    """What was reported about the pages of before, and the pages that were asked for while reports came in."""

    book: Ledger = field(default_factory=Ledger)
    slots: dict[str, tuple[str, int]] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def ask(self, serving: Installation, pictures: Pictures, *, viewer: str) -> float:
        """Ask for a page, keep what it showed, and return how long it took in seconds."""
        began = time.monotonic()
        page = serving.select(*pictures, viewer=viewer)
        seconds = time.monotonic() - began
        if page["logged"]:
            self.book.shown(page["page"], [slot["artwork"] for slot in page["slots"]])
            self.slots |= {decision: (page["page"], slot) for slot, decision in enumerate(decisions_of(page))}
        return seconds


def reports_of(decision: str, fate: float) -> Iterator[tuple[dict[str, Any], str]]:
    """What is reported of one decision, and what must become of each report."""
    now = datetime.now(UTC)
    seen = {"event": f"{decision}-1", "decision": decision, "kind": "seen", "at": now.isoformat()}
    if fate < 0.2:
        yield seen | {"at": (now + 3 * WINDOW).isoformat()}, "late"
    elif fate < 0.4:
        yield seen, "matched"
        yield seen, "duplicate"
    elif fate < 0.5:
        yield seen | {"decision": decision[:-1] + ("0" if decision[-1] != "0" else "1")}, "rejected"
    elif fate < 0.9:
        yield seen, "matched"
        yield seen | {"event": f"{decision}-2", "kind": "played", "seconds": 3000.0, "of_seconds": 6000.0}, "matched"


@pytest.fixture
def serving(stocked: Path) -> Iterator[Installation]:
    """A server in this process whose decisions wait an hour for their outcomes."""
    settings = settings_in(stocked, admin_key=ADMIN_KEY, reward_window_seconds=int(WINDOW.total_seconds()))
    with running(settings) as installation:
        installation.http.headers.update(AUTHORIZED)
        yield installation


def storm(serving: Installation, pictures: Pictures, *, pages: int, seed: int) -> tuple[World, Storm]:
    """Ask for pages, then report about them in batches as quickly as it goes, while more pages are asked for."""
    told = Storm()
    for number in range(pages):
        told.ask(serving, pictures, viewer=f"v{number}")
    world = World([*told.slots], random.Random(seed))
    told.book.outcomes |= {(*told.slots[row["decision"]], row["event"]) for row in world.kept}
    with ThreadPoolExecutor(1) as pool:
        reporting = pool.submit(report_all, serving, world.rows)
        while not reporting.done():
            told.took.append(told.ask(serving, pictures, viewer=f"w{len(told.took)}"))
        reporting.result()
    return world, told


def report_all(serving: Installation, rows: Sequence[dict[str, Any]]) -> None:
    """Report some outcomes a batch, one batch after the other."""
    for begin in range(0, len(rows), BATCH):
        serving.report(*rows[begin : begin + BATCH])


def conservation(serving: Installation) -> Conservation:
    with reading(serving.engine) as connection:
        return read_conservation(connection)


def join(serving: Installation, *, after: timedelta) -> None:
    while join_rewards(serving.engine, windows=RewardWindows(WINDOW), now=datetime.now(UTC) + after):
        pass


def check(serving: Installation, world: World, *, issued: int) -> Conservation:
    """Every report has the fate that the world gave it, while the window is open and when it has ended."""
    for after in (timedelta(0), 2 * WINDOW):
        join(serving, after=after)
        counted = conservation(serving)
        assert counted.holds
        assert (counted.received, counted.waiting) == (len(world.rows), 0)
        assert {fate: getattr(counted, fate) for fate in world.fates} == world.fates
        assert_conserved(serving.engine)
    assert (counted.open, counted.issued - counted.unlogged) == (0, issued)
    return counted


def test_c3_c5_every_report_has_one_fate(serving: Installation, pictures: Pictures) -> None:
    world, told = storm(serving, pictures, pages=12, seed=1)
    assert set(world.fates) == {"matched", "late", "duplicate", "rejected"}
    check(serving, world, issued=len(told.slots))
    assert told.book.lost(serving.engine) == []


def test_c3_an_outcome_that_comes_before_its_decision(stocked: Path, pictures: Pictures, tmp_path: Path) -> None:
    """Another process decided the page and has not committed it yet: its outcome waits, then counts once."""
    elsewhere = Path(shutil.copytree(stocked, tmp_path / "elsewhere"))
    with running(settings_in(elsewhere, admin_key=ADMIN_KEY)) as other:
        other.http.headers.update(AUTHORIZED)
        page = other.select(*pictures)
        with running(settings_in(stocked, admin_key=ADMIN_KEY)) as here:
            here.http.headers.update(AUTHORIZED)
            (early, _), (again, _) = reports_of(decisions_of(page)[0], 0.3)
            assert here.report(early, again)["accepted"] == 1
            here.join()
            counted = conservation(here)
            assert (counted.received, counted.waiting, counted.duplicate) == (2, 1, 1)
            copy_page(other, here, page["page"])
            here.join(now=datetime.now(UTC) + timedelta(minutes=2))
            counted = conservation(here)
            assert (counted.matched, counted.waiting, counted.holds) == (1, 0, True)


def copy_page(there: Installation, here: Installation, page: str) -> None:
    """Let the commit of another process come in."""
    with reading(there.engine) as connection:
        found = find_page(connection, PageId(page))
    written = threading.Event()
    assert not here.services.log.offer([LogEntry(found)], settled=lambda _: written.set())
    assert written.wait(10)


@pytest.mark.slow
def test_c3_c5_many_storms(serving: Installation, pictures: Pictures, figure: Record) -> None:
    world, told = storm(serving, pictures, pages=600, seed=2)
    lost = told.book.lost(serving.engine)
    figure(
        Figure(
            name="outcomes duplicated, shuffled, late, forged",
            runs=len(world.rows),
            acknowledged=told.book.acknowledged(),
            lost=len(lost),
            pages=len(told.took),
            pages_in_budget=sum(each <= IN_TIME for each in told.took),
        )
    )
    assert not lost, f"lost: {lost[:5]}"
    check(serving, world, issued=len(told.slots))
