"""Whether a version still leaves something to chance: its entropy, against what it was when it was judged.

The entropy of a slot with K artworks is −Σ p log p / log K: 1 leaves all to chance, 0 nothing. Knows no stage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from bandit.decision import Page, Reason
from bandit.watch.detector import PATIENCE, EDetector, KeptStream, bounded_log_e

COLLAPSED = 0.5
"""Below this part of the reference, entropy has collapsed."""
_STAKES = np.array([0.2, 0.5, 0.9])


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    reference: float
    streams: tuple[KeptStream, ...]


class EntropyWatch:
    """Takes in pages of one policy version; `look` tells when its entropy fell below half of `reference` in (0, 1]."""

    def __init__(self, *, reference: float, patience: float = PATIENCE) -> None:
        self._reference = reference
        self._detector = EDetector(patience=patience)
        self._certain: list[float] = []

    def add(self, pages: Iterable[Page]) -> None:
        """Take in pages, each once; those without a drawn slot of two artworks say nothing."""
        for page in pages:
            drawn = [slot.probabilities for slot in page.slots if slot.reason is Reason.POLICY]
            own = [entropy(each) for each in drawn if len(each) > 1]
            if own:
                self._certain.append(1.0 - float(np.mean(own)))

    def kept(self) -> bytes:
        """The evidence so far, between two looks."""
        return msgspec.msgpack.encode(_Kept(self._reference, self._detector.kept()))

    def go_on(self, kept: bytes) -> None:
        """Go on from evidence that was kept; under another reference it says nothing."""
        found = msgspec.msgpack.decode(kept, type=_Kept)
        if found.reference == self._reference:
            self._detector.go_on(found.streams)

    def look(self) -> str | None:
        """Judge what came since the last look; None: enough is left to chance."""
        certain = np.clip(np.array(self._certain), 0.0, 1.0)
        self._certain = []
        allowed = 1.0 - COLLAPSED * self._reference
        if not len(certain) or not self._detector.look((), bounded_log_e(certain, most=allowed, shares=_STAKES)):
            return None
        return (
            f"the mean entropy of the latest {len(certain):,} pages is {1 - certain.mean():.3f}; it was "
            f"{self._reference:.3f} when the version was judged, and may not fall below half of that"
        )


def entropy(probabilities: Sequence[float]) -> float:
    """The entropy of a distribution over K ≥ 2 artworks, from 0 to 1."""
    return float(entropy_terms(np.array(probabilities)).sum() / np.log(len(probabilities)))


def entropy_terms(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """−p log p of each probability; 0 has none."""
    return -probabilities * np.log(np.where(probabilities > 0, probabilities, 1.0))


@dataclass
class EntropySums:
    """The mean entropy of slots that come in batches; those with one artwork have none to leave to chance."""

    slots: int = 0
    total: float = 0.0

    def add(self, terms: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        """Take in Σ −p log p of n slots (n,) with their numbers of artworks (n,)."""
        several = counts > 1
        self.slots += int(several.sum())
        self.total += float((terms[several] / np.log(counts[several])).sum())

    @property
    def mean(self) -> float | None:
        """None where no slot had two artworks."""
        return self.total / self.slots if self.slots else None
