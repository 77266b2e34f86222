"""How many decisions the last hour took, and on which rung of the ladder: counted by slices, looked into by samples.

A slice's pages are counted on the index of their ids, up to COUNTED; what they were decided by is read from PLACES ×
PAGES_A_PLACE of them, spread over its time. Slices that are over are kept, so that a look at the hour reads one slice
anew, however many pages were logged and whoever looks.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from sqlalchemy import Connection

from api.storage.pages import page_id_at
from api.storage.samples import PageLine, count_pages, first_pages, marks_of
from bandit.decision import Rung

SLICE = timedelta(minutes=2)
SLICES = 30
COUNTED = 50_000
PLACES = 4
PAGES_A_PLACE = 8
SETTLED = timedelta(seconds=15)
"""A slice is kept once it is over for so long: by then every page of it is committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What was logged from `since` on, for `seconds`. `decisions` counts what was issued: a page that was logged with
    probability p stands for 1 / p. `by_rung` are the pages that were looked at. `more`: there were more than COUNTED.
    """

    since: datetime
    seconds: float
    pages: int = 0
    decisions: float = 0.0
    by_rung: Counter[Rung] = field(default_factory=Counter[Rung])
    more: bool = False

    @property
    def rate(self) -> float:
        """Decisions a second."""
        return self.decisions / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """The slices of the last hour, the oldest first; the last one is not over yet."""

    slices: Sequence[Slice]

    def rate(self, *, last: int = 3) -> float:
        """Decisions a second over the `last` slices."""
        recent = self.slices[-last:]
        seconds = sum(each.seconds for each in recent)
        return sum(each.decisions for each in recent) / seconds if seconds else 0.0

    @property
    def decisions(self) -> float:
        """Decisions in all."""
        return sum(each.decisions for each in self.slices)

    @property
    def looked_at(self) -> int:
        """How many pages were looked into."""
        return sum(each.by_rung.total() for each in self.slices)

    def shares(self) -> dict[Rung, float]:
        """The share of each rung among the decisions, by what was looked at in each slice; empty without any page."""
        found: defaultdict[Rung, float] = defaultdict(float)
        for each in self.slices:
            seen = each.by_rung.total()
            for rung, pages in each.by_rung.items():
                found[rung] += each.decisions * pages / seen
        total = sum(found.values())
        return {rung: weight / total for rung, weight in found.items()} if total else {}


class TrafficReader:
    """Reads the last hour, and keeps what cannot change any more. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[datetime, Slice] = {}

    def read(self, connection: Connection, *, now: datetime) -> Traffic:
        """Return the last hour up to `now`."""
        first = _began(now) - (SLICES - 1) * SLICE
        starts = [first + number * SLICE for number in range(SLICES)]
        with self._lock:
            known = {start: self._kept[start] for start in starts if start in self._kept}
        slices = [known.get(start) or _read_slice(connection, start, now=now) for start in starts]
        with self._lock:
            self._kept = {each.since: each for each in slices if each.since + SLICE + SETTLED <= now}
        return Traffic(slices)


def _began(now: datetime) -> datetime:
    seconds = SLICE.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def _read_slice(connection: Connection, start: datetime, *, now: datetime) -> Slice:
    end = min(start + SLICE, now)
    seconds = max((end - start).total_seconds(), 1e-3)
    since, until = page_id_at(start), page_id_at(end)
    pages = count_pages(connection, since=since, until=until, at_most=COUNTED)
    if not pages:
        return Slice(since=start, seconds=seconds)
    looked_at = _spread(connection, start, end)
    marks = marks_of(connection, [each.page for each in looked_at])
    seen = [(each, marks[each.page]) for each in looked_at if each.page in marks]
    decisions = sum(each.slots / own.kept for each, own in seen) / len(seen) * pages if seen else 0.0
    return Slice(
        since=start,
        seconds=seconds,
        pages=pages,
        decisions=decisions,
        by_rung=Counter(own.rung for _, own in seen),
        more=pages >= COUNTED,
    )


def _spread(connection: Connection, start: datetime, end: datetime) -> list[PageLine]:
    """The first pages from several moments on, each once."""
    step = (end - start) / PLACES
    found: dict[str, PageLine] = {}
    for place in range(PLACES):
        since, until = page_id_at(start + place * step), page_id_at(start + (place + 1) * step)
        found |= {each.page: each for each in first_pages(connection, since=since, until=until, limit=PAGES_A_PLACE)}
    return list(found.values())
