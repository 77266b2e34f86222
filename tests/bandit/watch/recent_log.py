"""A simulated log for the watches: pages of a policy that explores by taste, drawn as Keyart draws, or wrongly."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.context import RequestContext
from bandit.decision import Page, PageId, PolicyVersionId, Reason, RewardedDecision, Rung, Slot
from bandit.sampling import draw, draw_uniform
from foundation.events import ViewerId

START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
TITLES = 5
ARTWORKS = (ArtworkId("a"), ArtworkId("b"), ArtworkId("c"), ArtworkId("d"))
VERSION = PolicyVersionId("squarecb-000000000001")

Draw = Callable[[Sequence[float], float], int]


@dataclass(frozen=True)
class RecentLog:
    """Pages a second apart. `sharpness` makes the policy surer, `drawing` is how it draws, `falling` how often it
    falls back."""

    seed: int = 0
    sharpness: float = 1.0
    drawing: Draw = draw
    falling: float = 0.0
    viewers: int = 400

    def pages(self, count: int, *, first: int = 0) -> Iterator[Page]:
        """Yield pages `first` to `first + count`; the same number is the same page."""
        for number in range(first, first + count):
            rng = np.random.default_rng((self.seed, number))
            viewer = ViewerId(f"viewer-{rng.integers(self.viewers)}")
            at = START + timedelta(seconds=number)
            fallen = bool(rng.random() < self.falling)
            yield Page(
                page=PageId(f"{number:032x}"),
                viewer=viewer,
                at=at,
                request=RequestContext(at=at),
                policy=PolicyVersionId("default") if fallen else VERSION,
                policy_digest="0" * 64,
                embedding_version="fake-1",
                foundation_version=None,
                viewer_vector=None,
                salt="keyart",
                window=number // 300,
                slots=tuple(self._slot(viewer, title, number // 300, fallen=fallen) for title in range(TITLES)),
                rung=Rung.DEFAULT if fallen else Rung.LIVE,
            )

    def rewarded(self, count: int, *, first: int = 0, rate: float = 0.2) -> Iterator[RewardedDecision]:
        """Yield the decisions of the same pages with a reward of 0 or 1; some viewers play twice as often as others."""
        for page in self.pages(count, first=first):
            keen = draw_uniform("keen", page.viewer, "", 0)
            rng = np.random.default_rng((self.seed, 1, int(page.page, 16)))
            for slot in range(TITLES):
                yield RewardedDecision(page, slot, float(rng.random() < rate * (0.5 + keen)))

    def _slot(self, viewer: str, title: int, window: int, *, fallen: bool) -> Slot:
        name = TitleId(f"title-{title}")
        taste = np.random.default_rng(int(draw_uniform("taste", viewer, name, 0) * 2**53)).normal(size=len(ARTWORKS))
        odds = np.exp(self.sharpness * taste)
        stated = (0.01 / 4 + 0.99 * odds / odds.sum()).tolist()
        chosen = 0 if fallen else self.drawing(stated, draw_uniform("keyart", viewer, name, window))
        return Slot(
            title=name,
            artworks=ARTWORKS,
            images=tuple(f"{each}" * 16 for each in ARTWORKS),
            probabilities=(1.0, 0.0, 0.0, 0.0) if fallen else tuple(stated),
            chosen=chosen,
            position=title,
            reason=Reason.FALLBACK if fallen else Reason.POLICY,
        )
