"""API keys: how they are made, read and hashed, and who their holders are. Knows no database and no HTTP.

A key is `keyart_<prefix>_<secret><checksum>`: ten letters or digits by which it is looked up, 32 secret ones (190 bits)
and six of a CRC-32, so that a mistyped key is told from an unknown one, and scanners find leaked keys without asking.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from enum import StrEnum

PREFIX_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 10, 32, 6

_SMALL = string.digits + string.ascii_lowercase
_DIGITS = _SMALL + string.ascii_uppercase
_KEY = re.compile(r"keyart_(?P<prefix>[0-9a-z]{10})_[0-9A-Za-z]{32}(?P<checksum>[0-9A-Za-z]{6})")
_PREFIX_AT = slice(len("keyart_"), len("keyart_") + PREFIX_LENGTH)


class Scope(StrEnum):
    """What the holder of a key works as. ADMIN may do everything."""

    SERVING = "serving"
    CREATIVE = "creative"
    ANALYST = "analyst"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request acts as: the name of its key, what the key may do, and the key's prefix."""

    name: str
    scopes: frozenset[Scope]
    prefix: str = ""

    @property
    def actor(self) -> str:
        """How audit log, deployments and guards name it."""
        return f"key:{self.name}"

    def may(self, allowed: frozenset[Scope]) -> bool:
        """Tell whether one of its scopes is among those allowed; ADMIN always is."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(allowed)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; `text` is shown once and kept nowhere."""

    prefix: str
    text: str

    @property
    def digest(self) -> str:
        """What is kept of it."""
        return digest_of(self.text).hex()


def new_key() -> NewKey:
    """Make a key from the operating system's randomness."""
    prefix = "".join(secrets.choice(_SMALL) for _ in range(PREFIX_LENGTH))
    body = f"keyart_{prefix}_" + "".join(secrets.choice(_DIGITS) for _ in range(SECRET_LENGTH))
    return NewKey(prefix, body + _checksum(body))


def prefix_of(key: str) -> str:
    """Return where the prefix of a well-formed key is; anything else gives a text that no key has as its prefix."""
    return key[_PREFIX_AT]


def is_key(text: str) -> bool:
    """Tell whether `text` has the form of a key, checksum included."""
    return _KEY.fullmatch(text) is not None and _checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def digest_of(key: str) -> bytes:
    """Return the SHA-256 of a key; with 190 random bits, no slower hash is needed."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def same(digest: bytes, other: bytes) -> bool:
    """Compare in a time that says nothing of where they differ."""
    return hmac.compare_digest(digest, other)


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits
