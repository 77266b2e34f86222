"""Secrets of an installation: pseudonyms of viewers, signatures of decision ids, the admin key. Knows no database.

Everything derives from one secret that lives outside the database (design.md C11): whoever holds a copy of the
database alone can neither tell who a viewer is nor forge a decision id.
"""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from api.errors import BadSettings, ForgedDecision
from api.settings import SHORTEST_SECRET, Settings
from bandit.decision import DecisionId, PageId
from foundation.events import ViewerId

SECRET_FILE = "secret.key"  # noqa: S105 (the name of a file)
PSEUDONYM_DIGITS = 32
SIGNATURE_DIGITS = 16

_DECISION = re.compile(r"(?P<page>[0-9a-f]{32})-(?P<slot>[0-9]{2,4})-(?P<signature>[0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class SignedDecision:
    """What a genuine decision id says: its page, its slot, and whether that page was durable when it was shown."""

    page: PageId
    slot: int
    logged: bool


class Keys:
    """The keys derived from the installation's secret, one a purpose, so that no output of one serves another."""

    def __init__(self, secret: bytes) -> None:
        self._viewers = _derive(secret, b"keyart viewers 1")
        self._decisions = _derive(secret, b"keyart decisions 1")

    def pseudonym(self, viewer: str) -> ViewerId:
        """Return the only form in which a viewer's id is stored or logged: 32 hex digits of HMAC-SHA-256."""
        return ViewerId(
            hmac.digest(self._viewers, viewer.encode(errors="surrogatepass"), "sha256").hex()[:PSEUDONYM_DIGITS]
        )

    def sign_decision(self, page: PageId, slot: int, *, logged: bool = True) -> DecisionId:
        """Return the decision id of a page's slot, `{page}-{slot:02d}-{signature}`."""
        message = f"{'logged' if logged else 'unlogged'}|{page}|{slot}".encode()
        signature = hmac.digest(self._decisions, message, "sha256").hex()[:SIGNATURE_DIGITS]
        return DecisionId(f"{page}-{slot:02d}-{signature}")

    def read_decision(self, decision: str) -> SignedDecision:
        """Return what a decision id says, without looking anything up.

        Raises:
            ForgedDecision: this installation never issued the id.
        """
        match = _DECISION.fullmatch(decision)
        if match is not None:
            page, slot = PageId(match["page"]), int(match["slot"])
            for logged in (True, False):
                genuine = self.sign_decision(page, slot, logged=logged)
                if hmac.compare_digest(genuine.encode(), decision.encode()):
                    return SignedDecision(page, slot, logged)
        raise ForgedDecision("The decision id was not issued here.", "Send the id that /v1/select answered with.")


def load_keys(settings: Settings) -> Keys:
    """Return the keys from KEYART_SECRET, or else from `KEYART_HOME/secret.key`, which is made when it is missing.

    Raises:
        BadSettings: the file cannot be made or read, or holds too little.
    """
    if settings.secret is not None:
        return Keys(settings.secret.get_secret_value().encode())
    path = settings.home / SECRET_FILE
    try:
        return Keys(_read_or_make(path))
    except OSError as error:
        raise BadSettings(
            f"The secret file {path} cannot be used: {error.strerror}.",
            "Make KEYART_HOME writable, or set KEYART_SECRET.",
        ) from error


def is_admin_key(given: str, settings: Settings) -> bool:
    """Tell whether `given` is the admin key of the settings, in a time that says nothing about the key."""
    if settings.admin_key is None:
        return False
    expected = hashlib.sha256(settings.admin_key.get_secret_value().encode()).digest()
    return hmac.compare_digest(hashlib.sha256(given.encode(errors="surrogatepass")).digest(), expected)


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, purpose, "sha256")


def _read_or_make(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    secret = path.read_bytes().strip()
    if len(secret) < SHORTEST_SECRET:
        raise BadSettings(
            f"The secret file {path} holds fewer than {SHORTEST_SECRET} characters.",
            "Restore it from a backup; without it no known viewer is recognised again.",
        )
    return secret


def _make(path: Path) -> None:
    """Make the file whole or not at all; of two processes that start together, one wins and both read its secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
