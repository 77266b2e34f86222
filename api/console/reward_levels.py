"""What decisions were worth, by day and by version, with intervals: estimated from a sample. Knows no page of people.

A day is cut into at most PIECES pieces, finer where more was decided. Of each, up to PAGES_READ pages are listed, and
of every version up to PAGES_TAKEN a day, spread over the pieces, are valued. A page weighs as much as it stands for, so
the mean is that of all decisions of the day (Horvitz & Thompson 1952, as a ratio). The interval is normal, 95 %, from
the spread between viewers. Days that are over are kept for a while: outcomes may still come late.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from threading import Lock

from sqlalchemy import Connection

from api.storage.pages import page_id_at
from api.storage.rewards import PageRewards, find_rewards
from api.storage.samples import PageLine, first_pages, marks_of
from bandit.decision import PageId, Rung
from bandit.policies.default_artwork import DEFAULT

DAYS = 14
PIECES = 24
PAGES_READ = 40
PAGES_TAKEN = 240
PATIENCE = 1.0
"""After so many seconds no further day is read: the next look goes on."""
SHORTEST = timedelta(seconds=1)
FRESH = timedelta(minutes=1)
FRESH_WHEN_OVER = timedelta(minutes=30)
FEWEST = 30
"""Decisions that a level needs, so that an interval says something."""
HOLD_BACK = "hold-back"
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Term:
    """What one page adds: the viewer, and, by its weight, the sum of its rewards and its decisions that were seen."""

    viewer: str
    rewards: float
    decisions: float
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The mean reward of a decision that was seen, and where it lies with 95 % confidence; `seen` stand behind it."""

    mean: float
    low: float
    high: float
    seen: int


Terms = Mapping[str, Sequence[Term]]
"""By version; the viewers who are held back by HOLD_BACK."""


def level_of(terms: Sequence[Term]) -> Level | None:
    """The level of some pages; None where they are too few, or all of one viewer."""
    seen = sum(each.seen for each in terms)
    decisions = sum(each.decisions for each in terms)
    if seen < FEWEST or decisions <= 0:
        return None
    mean = sum(each.rewards for each in terms) / decisions
    apart: defaultdict[str, float] = defaultdict(float)
    for each in terms:
        apart[each.viewer] += each.rewards - mean * each.decisions
    viewers = len(apart)
    if viewers < 2:
        return None
    spread = sqrt(sum(value * value for value in apart.values()) * viewers / (viewers - 1)) / decisions
    low, high = max(0.0, mean - _Z * spread), min(1.0, mean + _Z * spread)
    return Level(mean=mean, low=low, high=high, seen=seen)


class RewardReader:
    """Reads the last days under one reward definition, and keeps them. Safe to call from any thread."""

    def __init__(self, definition: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.definition = definition
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[date, tuple[datetime, Terms]] = {}

    def read(self, connection: Connection, *, now: datetime) -> dict[date, Terms | None]:
        """Return the terms of the last DAYS days by day, the oldest first.

        The newest day is read first, and at least one. A day that this look had no time for is as it was before, None
        where it never was read.
        """
        today = now.astimezone(UTC).date()
        newest_first = [today - timedelta(days=back) for back in range(DAYS)]
        with self._lock:
            known = {day: kept for day, kept in self._kept.items() if day in newest_first}
        due = (day for day in newest_first if self._is_old(known.get(day), now=now, ends=day < today))
        began = self._clock()
        for day in due:
            known[day] = (now, self._of_day(connection, day))
            if self._clock() - began >= PATIENCE:
                break
        with self._lock:
            self._kept = known
        return {day: known[day][1] if day in known else None for day in reversed(newest_first)}

    @staticmethod
    def _is_old(kept: tuple[datetime, Terms] | None, *, now: datetime, ends: bool) -> bool:
        if kept is None:
            return True
        return now < kept[0] or now - kept[0] >= (FRESH_WHEN_OVER if ends else FRESH)

    def _of_day(self, connection: Connection, day: date) -> Terms:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        found: defaultdict[str, list[Term]] = defaultdict(list)
        pieces = _pieces(connection, start, start + timedelta(days=1))
        most = PAGES_TAKEN // len(pieces)
        for piece in pieces:
            for version, own in _by_version(piece.lines).items():
                taken = own[:: -(-len(own) // most)]
                weight = piece.stands_for * len(own) / len(taken)
                for name, term in self._terms(connection, version, taken, weight=weight):
                    found[name].append(term)
        return found

    def _terms(
        self, connection: Connection, version: str, taken: Sequence[PageLine], *, weight: float
    ) -> Iterator[tuple[str, Term]]:
        """What each page adds whose rewards are final, and under which name."""
        names = [each.page for each in taken]
        marks, valued = marks_of(connection, names), find_rewards(connection, names)
        for line in taken:
            rewards, mark = valued.get(line.page), marks.get(line.page)
            if rewards is None or mark is None or not rewards.final:
                continue
            name = _name(version, mark.rung)
            term = self._term(line, rewards, weight=weight / mark.kept)
            if name is not None and term is not None:
                yield name, term

    def _term(self, line: PageLine, rewards: PageRewards, *, weight: float) -> Term | None:
        if self.definition not in rewards.body.definitions:
            return None
        column = rewards.body.definitions.index(self.definition)
        seen = rewards.rewarded + rewards.defaulted
        total = float(rewards.body.matrix()[:, column].sum())
        return Term(line.viewer, weight * total, weight * seen, seen) if seen else None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a day, and its first pages; `cut`: there are more."""

    start: datetime
    end: datetime
    lines: Sequence[PageLine]

    @property
    def cut(self) -> bool:
        return len(self.lines) >= PAGES_READ

    @property
    def stands_for(self) -> float:
        """How many pages of the piece each listed one stands for, as if the rest came as fast as these."""
        if not self.cut:
            return 1.0
        covered = max(_moment(self.lines[-1].page) - self.start.timestamp(), 1e-3)
        return max(1.0, (self.end - self.start).total_seconds() / covered)

    @property
    def unread(self) -> float:
        """About how many pages were not listed."""
        return (self.stands_for - 1.0) * len(self.lines)


def _pieces(connection: Connection, start: datetime, end: datetime) -> list[_Piece]:
    """Cut a day: whichever piece hides most is cut in two, until nothing is hidden or there are PIECES of them."""
    pieces = [_piece(connection, start, end)]
    while len(pieces) < PIECES:
        largest = max(pieces, key=lambda piece: piece.unread)
        if not largest.unread or largest.end - largest.start <= SHORTEST:
            break
        pieces.remove(largest)
        middle = largest.start + (largest.end - largest.start) / 2
        pieces += [_piece(connection, largest.start, middle), _piece(connection, middle, largest.end)]
    return pieces


def _piece(connection: Connection, start: datetime, end: datetime) -> _Piece:
    since, until = page_id_at(start), page_id_at(end)
    return _Piece(start, end, first_pages(connection, since=since, until=until, limit=PAGES_READ))


def _moment(page: PageId) -> float:
    return int(page[:12], 16) / 1000


def _by_version(lines: Sequence[PageLine]) -> dict[str, list[PageLine]]:
    found: dict[str, list[PageLine]] = {}
    for line in lines:
        found.setdefault(line.policy, []).append(line)
    return found


def _name(version: str, rung: Rung) -> str | None:
    """Under which name a page counts; default artworks that a failure was answered with count for nobody."""
    if version != DEFAULT:
        return version
    return HOLD_BACK if rung is Rung.HOLD_BACK else DEFAULT if rung is Rung.LIVE else None
