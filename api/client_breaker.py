"""Whether to ask a server at all, after it failed: not for a while, and then not until a look at it went well.

Knows no wire and no clock: times are handed in.
"""

import random
from dataclasses import dataclass

LONGEST_PAUSE_SECONDS = 5.0


@dataclass(kw_only=True)
class Breaker:
    """After `failures` in a row nobody asks during about `pause` seconds, which doubles until the server is back."""

    failures: int
    pause: float
    chance: random.Random
    _failed: int = 0
    _next: float = 0.0
    _until: float = 0.0

    @property
    def asks(self) -> bool:
        """Whether to ask now."""
        return self._failed < self.failures

    def looks(self, now: float) -> bool:
        """Whether a pause has ended: the caller looks at the server, beside the pages, and another pause begins."""
        over = not self.asks and now >= self._until
        if over:
            self._wait_longer(now)
        return over

    def came_back(self) -> None:
        """A look went well: one page is asked for, and if it fails there is a pause again."""
        self._failed = min(self._failed, self.failures - 1)

    def note(self, now: float, *, well: bool) -> None:
        """A page was answered, or was not."""
        self._failed = 0 if well else self._failed + 1
        if well:
            self._next = 0.0
        elif self._failed == self.failures:
            self._wait_longer(now)

    def _wait_longer(self, now: float) -> None:
        pause = self._next or self.pause
        self._until = now + pause * self.chance.uniform(0.5, 1.0)
        self._next = min(2 * pause, LONGEST_PAUSE_SECONDS)
