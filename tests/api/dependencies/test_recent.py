"""The last minutes of a process: what it answered, how quickly, and what it could not log."""

import time
from collections.abc import Callable

import pytest

from api.dependencies.recent import EVERY_SECONDS, KEPT, Counted, RecentFigures, between
from tests.api.installation import Installation

INFINITE = float("inf")


def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_was_counted_between_two_moments() -> None:
    first = Counted(at=10, buckets={0.01: 5, 0.1: 5, INFINITE: 5}, failed=1, decisions=50, unlogged=10)
    last = Counted(at=310, buckets={0.01: 15, 0.1: 104, INFINITE: 105}, failed=3, decisions=150, unlogged=15)
    recent = between(first, last)
    assert (recent.seconds, recent.pages, recent.failed) == (300, 100, 2)
    assert (recent.median, recent.slowest) == (0.1, 0.1)
    assert recent.unlogged_share == pytest.approx(0.05)


def test_without_a_page_nothing_is_claimed() -> None:
    recent = between(Counted(at=0), Counted(at=9))
    assert (recent.pages, recent.median, recent.slowest, recent.unlogged_share) == (0, None, None, None)


def test_pages_slower_than_every_bound_have_none() -> None:
    recent = between(Counted(at=0), Counted(at=9, buckets={10.0: 0, INFINITE: 4}))
    assert (recent.pages, recent.median, recent.slowest) == (4, None, None)


def test_a_server_counts_its_pages_and_forgets_what_is_old(harbor: Installation) -> None:
    clock = [0.0]
    recent = RecentFigures(harbor.services.metrics, clock=lambda: clock[0])
    harbor.select()
    until(lambda: recent.look().decisions)  # counted once the answer is on its way
    seen = recent.look()
    assert (seen.pages, seen.decisions, seen.unlogged, seen.failed) == (1, 1, 0, 0)
    assert seen.slowest is not None
    for _ in range(KEPT):
        clock[0] += EVERY_SECONDS
        recent.note()
    assert recent.look().pages == 0
    assert recent.look().seconds == EVERY_SECONDS * (KEPT - 1)
