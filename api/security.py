"""Keys of an installation: pseudonyms of viewers, signatures of decision ids. Knows no database.

Everything derives from secrets that live outside the database (design.md C11): whoever holds a copy of the
database alone can neither tell who a viewer is nor forge a decision id. See docs/decisions/0520.

With a second secret, a viewer's pseudonym is that under the first, keyed once more: so what is known under the older
one can be carried over by whoever holds the secrets, without knowing a single viewer's id. A pseudonym begins with its
generation's letter: the first one's are hex digits throughout, then come g, h, i, …
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product

from api.errors import ForgedDecision
from api.key_ring import SECRET_FILE, Secret, load_secrets
from api.settings import Settings
from bandit.decision import DecisionId, PageId
from foundation.events import ViewerId

__all__ = ["SECRET_FILE", "Keys", "SignedDecision", "generation_of", "is_pseudonym", "load_keys"]

PSEUDONYM_DIGITS = 32
SIGNATURE_DIGITS = 16
SHORTEST_NAME = 4
"""Shorter ids of viewers stand in other texts by chance, and name nobody there."""
RESTART_DAYS = timedelta(days=1)
"""How long after a rotation a process that was not restarted yet may go on signing with the secret before."""

_LETTERS = "ghijklmnopqrstuvwxyz"
_PSEUDONYM = re.compile(r"[0-9a-z][0-9a-f]{31}")
_DECISION = re.compile(r"(?P<page>[0-9a-f]{32})-(?P<slot>[0-9]{2,3})-(?P<signature>[0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class SignedDecision:
    """What a genuine decision id says: its page, its slot, and whether that page was durable when it was shown."""

    page: PageId
    slot: int
    logged: bool


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Keys:
    """The keys derived from the installation's secrets, one a purpose, so that no output of one serves another."""

    def __init__(
        self,
        *ring: bytes | Secret,
        old_signatures_for: timedelta = timedelta(days=30),
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`ring` are the secrets, oldest first; decisions of older ones are taken for `old_signatures_for`."""
        held = [each if isinstance(each, Secret) else Secret(each) for each in ring]
        self._viewers = [_derive(each.secret, b"keyart viewers 1") for each in held]
        self._decisions = [_derive(each.secret, b"keyart decisions 1") for each in held]
        self._requests = _derive(held[0].secret, b"keyart requests 1")
        self._fingerprint = _derive(held[0].secret, b"keyart fingerprint 1").hex()
        self._replaced_at = [each.since for each in held[1:]]
        self._old_signatures_for = old_signatures_for
        self._clock = clock

    @property
    def fingerprint(self) -> str:
        """Tell one installation's first secret from another's, and nothing else of it; rotations leave it as it is."""
        return self._fingerprint

    @property
    def generation(self) -> int:
        """How often the secret was rotated."""
        return len(self._viewers) - 1

    def pseudonym(self, viewer: str) -> ViewerId:
        """Return the only form in which a viewer's id is stored or logged: 32 characters of HMAC-SHA-256."""
        return self.renamed(self._first(viewer))

    def pseudonyms(self, viewer: str) -> tuple[ViewerId, ...]:
        """Return every pseudonym that a viewer has had here, oldest first."""
        found = [self._first(viewer)]
        for generation in range(1, len(self._viewers)):
            found.append(self._next(found[-1], generation))
        return tuple(found)

    def renamed(self, pseudonym: ViewerId) -> ViewerId:
        """Return the newest pseudonym of a viewer who is known under an older one (or under the newest)."""
        for generation in range(generation_of(pseudonym) + 1, len(self._viewers)):
            pseudonym = self._next(pseudonym, generation)
        return pseudonym

    def later_names(self, pseudonym: ViewerId) -> tuple[ViewerId, ...]:
        """Return the pseudonyms that rotations gave a viewer after this one, oldest first."""
        found = [pseudonym]
        for generation in range(generation_of(pseudonym) + 1, len(self._viewers)):
            found.append(self._next(found[-1], generation))
        return tuple(found[1:])

    def sealed(self, digest: str) -> str:
        """Return the digest of a request as it is stored: without the secret nobody can try viewers' ids against it."""
        return hmac.digest(self._requests, digest.encode(), "sha256").hex()

    def unnamed(self, text: str, viewer: str) -> str:
        """Return an id that a caller made as it is stored: as it is, or keyed where it holds the viewer's raw id."""
        if len(viewer) < SHORTEST_NAME or viewer not in text:
            return text
        return f"keyed-{hmac.digest(self._requests, text.encode(errors='surrogatepass'), 'sha256').hex()}"

    def unlogged_page(self, key: str, digest: str) -> PageId:
        """Return the id of the page that a request under an idempotency key gets where nothing can be logged.

        Every server gives it the same one, without a word to the others: so their answers are the same, too (C2).
        """
        message = f"{len(key)}:{key}{digest}".encode(errors="surrogatepass")
        own = hmac.digest(self._requests, message, "sha256").hex()
        return PageId(f"{own[:12]}8{own[12:15]}8{own[15:30]}")  # a UUID of our own making, version 8

    def sign_decision(self, page: PageId, slot: int, *, logged: bool = True) -> DecisionId:
        """Return the decision id of a page's slot, `{page}-{slot:02d}-{signature}`."""
        return _signed(self._decisions[-1], page, slot, logged=logged)

    def sign_page(self, page: PageId, slots: int, *, logged: bool = True) -> list[DecisionId]:
        """Return the decision ids of a page's first `slots` slots: as `sign_decision` gives them, at once."""
        signatures = _signatures(self._decisions[-1], page, slots, logged=logged)
        starts = range(0, SIGNATURE_DIGITS * slots, SIGNATURE_DIGITS)
        own = [signatures[start : start + SIGNATURE_DIGITS] for start in starts]
        return [DecisionId(page + place + each) for place, each in zip(_places(slots), own, strict=True)]

    def read_decision(self, decision: str) -> SignedDecision:
        """Return what a decision id says, without looking anything up.

        Raises:
            ForgedDecision: this installation never issued the id, or with a secret that was replaced too long ago.
        """
        match = _DECISION.fullmatch(decision)
        if match is not None:
            page, slot = PageId(match["page"]), int(match["slot"])
            for key in self._accepted(page):
                for logged, signed in product((True, False), (_signed, _signed_before)):
                    if hmac.compare_digest(signed(key, page, slot, logged=logged).encode(), decision.encode()):
                        return SignedDecision(page, slot, logged)
        raise ForgedDecision("The decision id was not issued here.", "Send the id that /v1/select answered with.")

    def _accepted(self, page: PageId) -> Sequence[bytes]:
        """The keys that may have signed a page, the newest first: none that was replaced before the page was made."""
        accepted = self._decisions[-1:]
        if not self._replaced_at:
            return accepted
        now, made = self._clock(), int(page[:12], 16) / 1000
        for key, replaced_at in zip(reversed(self._decisions[:-1]), reversed(self._replaced_at), strict=True):
            until = replaced_at or now
            if now <= until + self._old_signatures_for and made <= (until + RESTART_DAYS).timestamp():
                accepted.append(key)
        return accepted

    def _first(self, viewer: str) -> ViewerId:
        return ViewerId(_keyed(self._viewers[0], viewer.encode(errors="surrogatepass")))

    def _next(self, pseudonym: ViewerId, generation: int) -> ViewerId:
        keyed = _keyed(self._viewers[generation], pseudonym.encode())
        return ViewerId(_LETTERS[generation - 1] + keyed[1:])


def is_pseudonym(text: str) -> bool:
    """Tell whether a text has the form of a pseudonym, of whatever generation."""
    return _PSEUDONYM.fullmatch(text) is not None


def generation_of(pseudonym: str) -> int:
    """Return how many rotations there had been when a viewer was given this pseudonym."""
    return _LETTERS.find(pseudonym[:1]) + 1


def first_letter_of(generation: int) -> str:
    """Return the letter that pseudonyms of a generation ≥ 1 begin with; those of all earlier ones sort before it."""
    return _LETTERS[generation - 1]


def load_keys(settings: Settings) -> Keys:
    """Return the keys from KEYART_SECRET, or else from `KEYART_HOME/secret.key`, which is made when it is missing.

    Raises:
        BadSettings: the file cannot be made or read, or holds too little.
    """
    return Keys(*load_secrets(settings), old_signatures_for=timedelta(days=settings.old_signatures_days))


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, purpose, "sha256")


def _keyed(key: bytes, message: bytes) -> str:
    return hmac.digest(key, message, "sha256").hex()[:PSEUDONYM_DIGITS]


@lru_cache(maxsize=256)
def _places(slots: int) -> tuple[str, ...]:
    """What stands between page and signature in the ids of so many slots."""
    return tuple(f"-{slot:02d}-" for slot in range(slots))


def _signed(key: bytes, page: PageId, slot: int, *, logged: bool) -> DecisionId:
    signature = _signatures(key, page, slot + 1, logged=logged)[-SIGNATURE_DIGITS:]
    return DecisionId(f"{page}-{slot:02d}-{signature}")


def _signatures(key: bytes, page: PageId, slots: int, *, logged: bool) -> str:
    """The signatures of a page's slots, one after the other.

    HMAC-SHA-256 makes the page a key of its own, which SHAKE-128 (FIPS 202) stretches to as many bits as its slots
    need: who has seen some of them knows nothing of the others.
    """
    own = hmac.digest(key, f"{'logged' if logged else 'unlogged'}|{page}".encode(), "sha256")
    return hashlib.shake_128(own).hexdigest(SIGNATURE_DIGITS // 2 * slots)


def _signed_before(key: bytes, page: PageId, slot: int, *, logged: bool) -> DecisionId:
    """As the first version of Keyart signed: its ids are out there, and genuine."""
    message = f"{'logged' if logged else 'unlogged'}|{page}|{slot}".encode()
    signature = hmac.digest(key, message, "sha256").hex()[:SIGNATURE_DIGITS]
    return DecisionId(f"{page}-{slot:02d}-{signature}")
