"""Orders about single viewers: under every pseudonym at once, and in the audit log. Keeps no raw id."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from api.dependencies.one_secret import refuse_other_secret
from api.errors import BadInput, NotFound
from api.security import SHORTEST_NAME, Keys, is_pseudonym
from api.storage.audit_log import By, Told, record
from api.storage.erasure import ask_erasure
from api.storage.exclusions import exclude_viewers, excluded_viewers, include_viewers
from foundation.events import ViewerId

LONGEST_REASON = 60
"""It is a word that stands in every row of an export, not a story."""


@dataclass(frozen=True, slots=True)
class Whom:
    """A viewer as somebody named them, and the pseudonyms that are theirs."""

    given: str = field(repr=False)
    names: tuple[ViewerId, ...]


def by_id(connection: Connection, keys: Keys, *, viewer: str) -> Whom:
    """The viewer of a raw id, under every secret there is.

    Raises:
        Conflict: the database is used with another secret, and knows the viewer by another name.
    """
    refuse_other_secret(connection, keys)
    return Whom(viewer, tuple(keys.pseudonyms(viewer)))


def by_pseudonym(connection: Connection, keys: Keys, *, pseudonym: str) -> Whom:
    """A viewer as the log and its export name them, and as rotations named them since.

    Which names they had before nobody can tell, but those under which they are left out: else these would count again.

    Raises:
        BadInput: this is no pseudonym.
    """
    if not is_pseudonym(pseudonym):
        raise BadInput("A pseudonym has 32 letters and digits.", "Take it from `keyart viewer busiest`.")
    name = ViewerId(pseudonym)
    left_out = [each for each in excluded_viewers(connection) if keys.renamed(each) == keys.renamed(name)]
    return Whom(pseudonym, tuple(dict.fromkeys((name, *keys.later_names(name), *left_out))))


def order_erasure(connection: Connection, keys: Keys, viewer: str, *, by: By, now: datetime) -> int:
    """Write down that a viewer is to be erased, under every secret there is, in this transaction; return the number.

    Raises:
        BadInput: the reason names the viewer.
        Conflict: the database is used with another secret: nothing would be found, and called erased.
    """
    _refuse_names(by.reason, viewer)
    refuse_other_secret(connection, keys)
    number = ask_erasure(connection, keys.pseudonyms(viewer), actor=by.actor, now=now)
    told = Told(after={}, reason=by.reason)
    record(connection, actor=by.actor, action="viewer.erase", subject=f"erasure/{number}", now=now, **told)
    return number


def exclude_viewer(connection: Connection, viewer: Whom, *, reason: str, actor: str, now: datetime) -> None:
    """Leave a viewer out of learning and evaluation, in this transaction.

    Raises:
        BadInput: the reason is none, or too long for a column, or names the viewer.
    """
    _refuse_names(reason, viewer.given)
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise BadInput(f"A reason has 1 to {LONGEST_REASON} printable characters.", "Say `internal`, `monitoring`, …")
    exclude_viewers(connection, viewer.names, reason=reason, actor=actor, now=now)
    # Whom is not written down: the audit log is never erased.
    told = Told(after={"excluded": True}, reason=reason)
    record(connection, actor=actor, action="viewer.exclude", subject="viewer", now=now, **told)


def include_viewer(connection: Connection, viewer: Whom, *, by: By, now: datetime) -> None:
    """Let a viewer count again, in this transaction.

    Raises:
        NotFound: this viewer was not left out.
        BadInput: the reason names the viewer.
    """
    _refuse_names(by.reason, viewer.given)
    if not include_viewers(connection, viewer.names):
        raise NotFound("This viewer was not left out.", "`keyart viewer excluded` lists those who are.")
    told = Told(before={"excluded": True}, after={"excluded": False}, reason=by.reason)
    record(connection, actor=by.actor, action="viewer.include", subject="viewer", now=now, **told)


def _refuse_names(reason: str | None, viewer: str) -> None:
    """The audit log is never erased: a reason that names the viewer would keep the raw id for ever (C11)."""
    if reason is not None and len(viewer) >= SHORTEST_NAME and viewer in reason:
        raise BadInput("The reason holds the viewer's id, and reasons are kept for ever.", "Say why without the id.")
