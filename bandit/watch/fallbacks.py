"""How much is decided by a lower rung of the fall-back ladder, the hold-back left out. Knows no stage.

Trouble comes in bursts, so pages are not told apart: the share of a block of ten seconds is one observation.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
import numpy as np

from bandit.decision import Page, Reason, Rung
from bandit.watch.detector import PATIENCE, EDetector, KeptStream, bounded_log_e

BLOCK_SECONDS = 10
_STAKES = np.array([0.1, 0.3, 0.6, 0.9])


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    most: float
    streams: tuple[KeptStream, ...]
    slots: int
    fallen: int


class FallbackWatch:
    """Takes in pages that a version should have decided; `look` tells when too many were not by the live rung."""

    def __init__(self, *, most: float, patience: float = PATIENCE) -> None:
        """`most` is the share in (0, 1) of slots that may fall back."""
        self._most = most
        self._detector = EDetector(patience=patience)
        self._blocks: dict[int, tuple[int, int]] = {}
        self._slots, self._fallen = 0, 0

    def add(self, pages: Iterable[Page]) -> None:
        """Take in pages, each once."""
        for page in pages:
            if page.rung is not Rung.HOLD_BACK:
                block = _block(page.at)
                slots, fallen = self._blocks.get(block, (0, 0))
                self._blocks[block] = (slots + len(page.slots), fallen + _fallen(page))

    def kept(self) -> bytes:
        """The evidence so far, between two looks."""
        return msgspec.msgpack.encode(_Kept(self._most, self._detector.kept(), self._slots, self._fallen))

    def go_on(self, kept: bytes) -> None:
        """Go on from evidence that was kept; of another share that may fall back it says nothing."""
        found = msgspec.msgpack.decode(kept, type=_Kept)
        if found.most == self._most:
            self._detector.go_on(found.streams)
            self._slots, self._fallen = found.slots, found.fallen

    def look(self) -> str | None:
        """Judge what came since the last look; None: no more fell back than may."""
        blocks = [each for _, each in sorted(self._blocks.items()) if each[0]]
        self._blocks = {}
        if not blocks:
            return None
        slots, fallen = np.array(blocks, dtype=np.float64).T
        self._slots, self._fallen = self._slots + int(slots.sum()), self._fallen + int(fallen.sum())
        if not self._detector.look((), bounded_log_e(fallen / slots, most=self._most, shares=_STAKES)):
            return None
        told = f"{fallen.sum() / slots.sum():.1%} of the latest {int(slots.sum()):,} slots fell back"
        return f"{told} ({self._fallen:,} of {self._slots:,} in all); {self._most:.0%} may"


def _block(at: datetime) -> int:
    return int(at.timestamp()) // BLOCK_SECONDS


def _fallen(page: Page) -> int:
    if page.rung is not Rung.LIVE:
        return len(page.slots)
    return sum(slot.reason is Reason.FALLBACK for slot in page.slots)
