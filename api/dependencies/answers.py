"""What a page is answered, as bytes, and the answers that a repeated request must get again (C2). Decides nothing."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from api.homepage.catalogue import Catalogue
from api.security import Keys
from api.settings import Settings
from bandit.decision import Page, PageId, Reason

REMEMBERED = 2000
_encoder = msgspec.json.Encoder()


class Housed(Protocol):
    """Whatever knows the settings of its installation."""

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...


class SlotAnswer(msgspec.Struct, gc=False):
    """One slot on the wire (design.md §8)."""

    title: str
    decision: str
    artwork: str
    image: str
    probability: float
    reason: Reason


class PageAnswer(msgspec.Struct):
    """One page on the wire."""

    page: str
    policy: str
    logged: bool
    slots: list[SlotAnswer]


def image_address(housed: Housed, image: str) -> str:
    """Where an image is read from: by its hash, so that it may be cached for ever."""
    return f"{housed.settings.image_base_url}/images/{image}"


def answer_of(page: Page, catalogue: Catalogue, *, keys: Keys, images: str, logged: bool) -> bytes:
    """Return a page's answer; `catalogue` is the one that it was decided from, `images` what addresses begin with."""
    titles, before = catalogue.titles, f"{images}/images/"
    slots: list[SlotAnswer] = []
    for slot, decision in zip(page.slots, keys.sign_page(page.page, len(page.slots), logged=logged), strict=True):
        title, chosen = slot.title, slot.chosen
        artwork = slot.artworks[chosen]
        image = before + titles[title].candidates[artwork].image
        slots.append(SlotAnswer(title, decision, artwork, image, slot.probabilities[chosen], slot.reason))
    return _encoder.encode(PageAnswer(page.page, page.policy, logged, slots))


def request_digest(sent: object) -> str:
    """Tell two requests apart by what they say, however it was spelled."""
    return hashlib.sha256(_encoder.encode(sent)).hexdigest()


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer under an idempotency key, and the digest of the request that it was for.

    What is not `logged` is in no table yet; `withdrawn` is the page that was decided for it before its time was up.
    """

    digest: str
    answer: bytes
    logged: bool = True
    withdrawn: PageId | None = None


class RecentAnswers:
    """The latest answers under a key, in memory: also those of pages that could not be logged, which no table holds.

    So a retry that comes while the database is away, or right after, is answered as before by the server that answered
    it; the others learn of it by what is `unwritten` here. Safe to use from any thread.
    """

    def __init__(self, capacity: int = REMEMBERED) -> None:
        self._answers: OrderedDict[str, Remembered] = OrderedDict()
        self._unwritten: dict[str, Remembered] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def find(self, key: str) -> Remembered | None:
        """Return the answer under a key, if it is still remembered."""
        return self._answers.get(key)

    def keep(self, key: str, remembered: Remembered) -> Remembered:
        """Remember an answer, and return the one to give: the first under a key stays."""
        with self._lock:
            kept = self._answers.setdefault(key, remembered)
            if not remembered.logged and kept is remembered:
                self._unwritten[key] = kept
            if len(self._answers) > self._capacity:
                forgotten, _ = self._answers.popitem(last=False)
                self._unwritten.pop(forgotten, None)
        return kept

    def forget(self, keys: Iterable[str]) -> None:
        """Answer no more from memory: a table holds another answer that was given first."""
        with self._lock:
            for key in keys:
                self._answers.pop(key, None)
                self._unwritten.pop(key, None)

    def unwritten(self) -> dict[str, Remembered]:
        """Return the answers that no table holds, by key."""
        with self._lock:
            return dict(self._unwritten)

    def written(self, keys: Iterable[str]) -> None:
        """Note that a table holds them from now on."""
        with self._lock:
            for key in keys:
                self._unwritten.pop(key, None)
