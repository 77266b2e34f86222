"""The frozen record of what was chosen: pages of decisions, their outcomes and rewards. Knows no storage.

A page is the unit of storage (one row a page); a decision is one of its slots, named by page and slot.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec
import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.context import RequestContext, Vector
from foundation.events import EventId, ViewerId

PageId = NewType("PageId", str)
"""UUIDv7, 32 hex digits."""

DecisionId = NewType("DecisionId", str)
"""`{page}-{slot:02d}-{signature}`: the signature lets a forged id be refused without a look-up."""

PolicyVersionId = NewType("PolicyVersionId", str)

CellLabel = NewType("CellLabel", str)
"""`{experiment}/{cell}`: the arm of an online comparison that a viewer is in."""

IMAGE_KEY_DIGITS = 16


class Reason(StrEnum):
    """Why a slot shows what it shows. Only POLICY decisions are drawn from logged probabilities and learned from."""

    POLICY = "policy"
    DEFAULT = "default"
    PINNED = "pinned"
    FALLBACK = "fallback"


class Rung(StrEnum):
    """Which step of the fall-back ladder decided a page; HOLD_BACK viewers always get default artworks."""

    LIVE = "live"
    LAST_GOOD = "last_good"
    MOST_PLAYED = "most_played"
    DEFAULT = "default"
    HOLD_BACK = "hold_back"


class Slot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision inside its page.

    `artworks` are the eligible ones in canonical order (sorted by id), `images` the first 16 hex digits of
    their image hashes, `probabilities` the distribution that was drawn from (float64, sums to 1 within 1e-6),
    `chosen` the index that was drawn. `bounds` are the least and greatest probability that guards allowed each artwork,
    None where they said nothing.
    """

    title: TitleId
    artworks: tuple[ArtworkId, ...]
    images: tuple[str, ...]
    probabilities: tuple[float, ...]
    chosen: int
    position: int
    score: float | None = None
    reason: Reason = Reason.POLICY
    bounds: tuple[tuple[float, float], ...] | None = None

    @property
    def artwork(self) -> ArtworkId:
        """The artwork that was drawn."""
        return self.artworks[self.chosen]

    @property
    def probability(self) -> float:
        """The probability that the drawn artwork had."""
        return self.probabilities[self.chosen]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """All decisions of one request; written once.

    `viewer_vector` is the little-endian float32 bytes of the vector that was used, in `foundation_version`.
    `intent_vector` is kept the same way, in `intent_version`; None in all pages without one, the older ones too.
    `salt` and `window` are the parts of the draw's key that the record does not hold otherwise
    (see `bandit.sampling`), `diversity` the strength of `bandit.diversity`, so every draw can be recomputed from this
    record and the policy version (`bandit.choice.stated_again`).
    `rung` is the step of the fall-back ladder that decided. `kept` is the probability, in (0, 1], with which a page of
    that moment was logged: under overload the log keeps a known share, and whoever sums over it divides by it.
    `cell` is the cell of an experiment that the viewer was in, whatever rung decided in the end.
    """

    page: PageId
    viewer: ViewerId
    at: datetime
    request: RequestContext
    policy: PolicyVersionId
    policy_digest: str
    embedding_version: str
    foundation_version: str | None
    viewer_vector: bytes | None
    salt: str
    window: int
    slots: tuple[Slot, ...]
    diversity: float = 0.0
    intent_vector: bytes | None = None
    intent_version: str | None = None
    rung: Rung = Rung.LIVE
    kept: float = 1.0
    cell: CellLabel | None = None

    def vector(self) -> Vector | None:
        """The viewer vector as float32, shape (d,), or None for a viewer without history."""
        return vector_from(self.viewer_vector)

    def intent(self) -> Vector | None:
        """The intent vector as float32, shape (d,), or None where none was known."""
        return vector_from(self.intent_vector)


def vector_from(logged: bytes | None) -> Vector | None:
    """The little-endian float32 bytes of a page as a vector, shape (d,), or None."""
    return None if logged is None else np.frombuffer(logged, dtype="<f4")


class OutcomeKind(StrEnum):
    """Something that can happen to a decision."""

    SEEN = "seen"
    HOVERED = "hovered"
    PLAYED = "played"
    WATCHED = "watched"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Something that happened to a decision, unique by (page, slot, event). Times are UTC, durations seconds."""

    event: EventId
    page: PageId
    slot: int
    kind: OutcomeKind
    at: datetime
    seconds: float | None = None
    of_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What a decision's outcomes are worth under a named definition: `value` in [0, 1]."""

    page: PageId
    slot: int
    definition: str
    value: float
    final: bool


@dataclass(frozen=True, slots=True)
class RewardedDecision:
    """One row that can be learned from and evaluated on: a slot of a page that was seen, and its reward in [0, 1]."""

    page: Page
    slot: int
    reward: float

    @property
    def decision(self) -> Slot:
        """The slot that the reward belongs to."""
        return self.page.slots[self.slot]
