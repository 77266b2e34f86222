"""How many rows of a viewer count in a day: a bound on what one liar can teach. Knows no reward and no storage.

Which rows count is decided by their order alone, so it cannot hang on what came of them.
"""

from collections import Counter
from datetime import date


class DailyCap:
    """Admits the first rows of every viewer on every day; asked in the order of days, it holds one day's viewers."""

    def __init__(self, most: int) -> None:
        """`most` rows of a viewer count in a day."""
        self._most = most
        self._day = date.min
        self._taken: Counter[str] = Counter()

    def admits(self, viewer: str, day: date) -> bool:
        """Count one row of a viewer, and tell whether it is one of the first of that day."""
        if day != self._day:
            self._day, self._taken = day, Counter()
        self._taken[viewer] += 1
        return self._taken[viewer] <= self._most
