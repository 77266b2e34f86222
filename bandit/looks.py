"""When observed rewards are looked at, and how sure a look must be, so that many looks err as rarely as one.

Look k comes after first · 2^k rows and may err with probability alpha / 2^(k+1): together they err with alpha at most
(a union bound), however long one goes on. Between two looks nothing is decided. Knows no rewards.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The first look is due at `first` rows; all looks together may err with probability `alpha`."""

    first: int
    alpha: float = 0.05

    def due(self, rows: int, *, done: int) -> bool:
        """Whether the look after `done` ones is due."""
        return rows >= self.rows_at(done)

    def rows_at(self, look: int) -> int:
        """How many rows the `look`-th look (from 0) waits for."""
        return self.first << look

    def latest(self, rows: int) -> int:
        """The number (from 0) of the last look that so many rows allow; −1: none yet."""
        return (rows // self.first).bit_length() - 1

    def level(self, look: int) -> float:
        """The level of the two-sided interval that the `look`-th look goes by."""
        return 1.0 - self.alpha / 2 ** (look + 1)
