"""Orders about single viewers, by raw id: under every pseudonym at once, and in the audit log. Keeps no raw id."""

from datetime import datetime

from sqlalchemy import Connection

from api.errors import BadInput, NotFound
from api.security import Keys
from api.storage.audit_log import record
from api.storage.erasure import ask_erasure
from api.storage.exclusions import exclude_viewers, include_viewers

LONGEST_REASON = 60
"""It is a word that stands in every row of an export, not a story."""


def order_erasure(connection: Connection, keys: Keys, viewer: str, *, actor: str, now: datetime) -> int:
    """Write down that a viewer is to be erased, under every secret there is, in this transaction; return the number."""
    number = ask_erasure(connection, keys.pseudonyms(viewer), actor=actor, now=now)
    record(connection, actor=actor, action="viewer.erase", subject=f"erasure/{number}", after={}, now=now)
    return number


def exclude_viewer(connection: Connection, keys: Keys, viewer: str, *, reason: str, actor: str, now: datetime) -> None:
    """Leave a viewer out of learning and evaluation, in this transaction.

    Raises:
        BadInput: the reason is none, or too long for a column.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise BadInput(f"A reason has 1 to {LONGEST_REASON} printable characters.", "Say `internal`, `monitoring`, …")
    exclude_viewers(connection, keys.pseudonyms(viewer), reason=reason, actor=actor, now=now)
    # Whom is not written down: the audit log is never erased.
    record(connection, actor=actor, action="viewer.exclude", subject="viewer", after={"reason": reason}, now=now)


def include_viewer(connection: Connection, keys: Keys, viewer: str, *, actor: str, now: datetime) -> None:
    """Let a viewer count again, in this transaction.

    Raises:
        NotFound: this viewer was not left out.
    """
    if not include_viewers(connection, keys.pseudonyms(viewer)):
        raise NotFound("This viewer was not left out.", "`keyart viewer excluded` lists those who are.")
    record(connection, actor=actor, action="viewer.include", subject="viewer", after={}, now=now)
