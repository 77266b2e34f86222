"""How many rows of a viewer count in a day, in all and of one title: a bound on what a liar can teach. Knows no reward.

Which rows count is decided by their order alone, so it cannot hang on what came of them.
"""

from array import array
from collections import Counter
from dataclasses import dataclass
from datetime import date
from zlib import crc32

GROUPS = 64
"""Titles are counted in so many groups, so a viewer takes some hundred bytes however many titles they see. The titles
of one group share a cap: somebody who sees forty titles ten times comes near it in one case of thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The rows of a viewer that count in a day: `rows` in all (ten pages of forty titles), `title_rows` of a title."""

    rows: int = 400
    title_rows: int = 50


class DailyCap:
    """Admits the first rows of every viewer on every day; asked in the order of days, it holds one day's viewers."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._day = date.min
        self._taken: Counter[str] = Counter()
        self._of_titles: dict[str, array[int]] = {}

    def admits(self, viewer: str, title: str, *, day: date) -> bool:
        """Count one row of a viewer, and tell whether it is one of the first of that day; others take no place."""
        if day != self._day:
            self._day, self._taken, self._of_titles = day, Counter(), {}
        taken, of_titles = self._taken[viewer], self._of_titles.get(viewer)
        if of_titles is None:
            of_titles = self._of_titles[viewer] = array("H", bytes(2 * GROUPS))
        group = crc32(title.encode()) % GROUPS
        if taken >= self._caps.rows or of_titles[group] >= self._caps.title_rows:
            return False
        self._taken[viewer] = taken + 1
        of_titles[group] += 1
        return True
