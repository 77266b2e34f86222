"""The API keys, mirrored in memory: who sent a key is told in microseconds, whatever the database does meanwhile."""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Engine

from api.credentials import Principal, Scope, digest_of, is_key, prefix_of, same
from api.dependencies.permissions import SERVERS
from api.dependencies.remembering import Told
from api.errors import NotAllowed, StorageUnavailable
from api.settings import Settings
from api.storage.database import reading, transaction
from api.storage.keys import StoredKey, keys_changed_since, note_used

PRESET = "preset"
"""Name of the key in KEYART_ADMIN_KEY."""
GUESSABLE = 16
"""A preset key with fewer characters could be found by trying."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the request path needs of a key. `expires` is a Unix time, infinite for a key that never does."""

    digest: bytes
    principal: Principal
    expires: float
    revoked: bool


class KeyMirror:
    """Holds every key by prefix; `refresh` follows the database, which is never asked for a request's sake."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._refreshing = threading.Lock()
        self._by_prefix: dict[str, _Known] = {}
        self._revision = -1
        self._used: set[str] = set()
        self._noted: dict[str, str] = {}
        preset = settings.admin_key.get_secret_value() if settings.admin_key else None
        self._preset = None if preset is None else digest_of(preset)
        self._preset_principal = _preset_principal(self._preset)
        self.preset_is_guessable = preset is not None and len(preset) < GUESSABLE

    def refresh(self) -> None:
        """Read the keys that changed since the last time, and write down which were used today for the first time.

        Raises:
            StorageUnavailable: the keys stay as they were.
        """
        with self._refreshing:
            with reading(self._engine) as connection:
                changes = keys_changed_since(connection, max(self._revision, 0))
            if changes.keys or not self.is_read:
                before = self._by_prefix if self.is_read else {}
                self._by_prefix = before | {key.prefix: _known(key) for key in changes.keys}
            self._revision = changes.revision
            self._note_used()

    @property
    def is_read(self) -> bool:
        """Whether the database was read since the start: until then nothing is known, or only what is remembered."""
        return self._revision >= 0

    def check_read(self) -> None:
        """See that what is known of keys is what the database says.

        Raises:
            StorageUnavailable: it could never be read since the start.
        """
        if not self.is_read:
            raise StorageUnavailable("The keys cannot be read yet.", "Try again once the database answers.")

    def told(self) -> Told | None:
        """Return the keys that ask for pages, as the database said them last, to be remembered."""
        if not self.is_read:
            return None
        serving = [(prefix, known) for prefix, known in self._by_prefix.items() if _asks_for_pages(known)]
        return Told(str(self._revision), (_line(prefix, known) for prefix, known in serving))

    def recall(self, lines: Iterable[bytes]) -> None:
        """Know who may ask for pages, and nothing else, until the database is read."""
        with self._refreshing:
            if not self.is_read:
                self._by_prefix = dict(map(_recalled, lines))

    def principal_of(self, key: str, *, now: float) -> Principal:
        """Return who sent a key; `now` is a Unix time.

        Raises:
            NotAllowed: it is mistyped, unknown, revoked or expired.
            StorageUnavailable: it might be right, and the keys could never be read since the start.
        """
        digest, prefix = digest_of(key), prefix_of(key)
        known = self._by_prefix.get(prefix)
        if known is None or not same(known.digest, digest):
            return self._preset_or_refused(key, digest)
        if known.revoked:
            raise NotAllowed(f"The key {prefix} was revoked.", "Ask an admin for another one.")
        if known.expires <= now:
            raise NotAllowed(f"The key {prefix} has expired.", "Ask an admin for another: `keyart key rotate`.")
        self._used.add(prefix)
        return known.principal

    def principal_with(self, prefix: str, *, now: float) -> Principal | None:
        """Return whose key has a prefix, None once it opens nothing: for a session that it began."""
        if self._preset is not None and prefix == self._preset_principal.prefix:
            return self._preset_principal
        known = self._by_prefix.get(prefix)
        return None if known is None or known.revoked or known.expires <= now else known.principal

    def _preset_or_refused(self, key: str, digest: bytes) -> Principal:
        if self._preset is not None and same(self._preset, digest):
            return self._preset_principal
        if not is_key(key):
            raise NotAllowed(
                "This is no key: one begins with `keyart_`, and its last six characters must fit the others.",
                "Copy the whole key again; was a part of it left out?",
            )
        self.check_read()
        raise NotAllowed("No key is the one that was sent.", "Ask an admin for a key: `keyart key create`.")

    def _note_used(self) -> None:
        """Write down the keys that were used on a day that is not theirs yet: once a day and key."""
        used, self._used = self._used, set()
        today = datetime.now(UTC).date()
        fresh = {prefix for prefix in frozenset(used) if self._noted.get(prefix) != today.isoformat()}
        if not fresh:
            return
        try:
            with transaction(self._engine) as connection:
                note_used(connection, fresh, day=today)
        except StorageUnavailable:
            self._used |= fresh
            raise
        self._noted |= dict.fromkeys(fresh, today.isoformat())


def _preset_principal(digest: bytes | None) -> Principal:
    """Sessions name the preset key by a trifle of its hash: another key ends them, and nobody guesses the key by it."""
    return Principal(PRESET, frozenset({Scope.ADMIN}), f"{PRESET}-{'' if digest is None else digest.hex()[:4]}")


class _Line(msgspec.Struct, frozen=True):
    """A key as it is remembered; `expires` None: never."""

    prefix: str
    name: str
    digest: bytes
    expires: float | None


def _asks_for_pages(known: _Known) -> bool:
    return not known.revoked and known.principal.may(SERVERS)


def _line(prefix: str, known: _Known) -> bytes:
    expires = None if math.isinf(known.expires) else known.expires
    return msgspec.json.encode(_Line(prefix, known.principal.name, known.digest, expires))


def _recalled(line: bytes) -> tuple[str, _Known]:
    """What is remembered may be older than a revocation: it opens pages of default artworks only."""
    kept = msgspec.json.decode(line, type=_Line)
    principal = Principal(kept.name, SERVERS, kept.prefix)
    expires = math.inf if kept.expires is None else kept.expires
    return kept.prefix, _Known(digest=kept.digest, principal=principal, expires=expires, revoked=False)


def _known(key: StoredKey) -> _Known:
    return _Known(
        digest=key.digest,
        principal=Principal(key.name, key.scopes, key.prefix),
        expires=math.inf if key.expires_at is None else key.expires_at.timestamp(),
        revoked=key.revoked_at is not None,
    )
