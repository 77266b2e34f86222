"""Whether a version still leaves something to chance: its entropy, against what it was when it was judged.

The entropy of a slot with K artworks is −Σ p log p / log K: 1 leaves all to chance, 0 nothing. Knows no stage.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from bandit.decision import Page, Reason
from bandit.golden import Golden
from bandit.watch.detector import PATIENCE, EDetector, bounded_log_e

COLLAPSED = 0.5
"""Below this part of the reference, entropy has collapsed."""
_STAKES = np.array([0.2, 0.5, 0.9])


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

    def look(self) -> str | None:
        """Judge what came since the last look; None: enough is left to chance."""
        certain = np.clip(np.array(self._certain), 0.0, 1.0)
        self._certain = []
        allowed = 1.0 - COLLAPSED * self._reference
        if not len(certain) or not self._detector.look("", bounded_log_e(certain, most=allowed, shares=_STAKES)):
            return None
        return (
            f"the mean entropy of the latest {len(certain):,} pages is {1 - certain.mean():.3f}; it was "
            f"{self._reference:.3f} when the version was judged, and may not fall below half of that"
        )


def entropy(probabilities: Sequence[float]) -> float:
    """The entropy of a distribution over K ≥ 2 artworks, from 0 to 1."""
    stated = np.array(probabilities)
    positive = stated[stated > 0]
    return float(-(positive * np.log(positive)).sum() / np.log(len(stated)))


def golden_entropy(golden: Golden) -> float | None:
    """The mean entropy of a version's golden pages; None where no slot has two artworks."""
    stated = [slot.probabilities for page in golden.pages for slot in page.slots]
    own = [entropy(each) for each in stated if len(each) > 1]
    return float(np.mean(own)) if own else None
