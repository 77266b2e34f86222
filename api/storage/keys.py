"""API keys as the database knows them: by prefix and SHA-256. Never deleted, never given back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from api.credentials import NewKey, Scope, new_key
from api.errors import BadInput, Conflict, UnknownKey
from api.storage.access_tables import api_keys
from api.storage.audit_log import Facts, Told, record
from api.storage.revisions import Revision, current_revision, next_revision

LIVE_AT_ONCE = 2
"""Keys of one name: the one in use, and the one that takes its place."""
FIRST_KEY = "first-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key without its secret. `last_used_on` is the last day, in UTC, on which a request carried it."""

    prefix: str
    name: str
    scopes: frozenset[Scope]
    digest: bytes
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    last_used_on: date | None = None

    def is_live(self, now: datetime) -> bool:
        """Tell whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOrder:
    """Who wants a key, for whom, and why."""

    name: str
    scopes: frozenset[Scope]
    actor: str
    at: datetime
    expires_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class KeyChanges:
    """The keys that changed after a revision, as they are now; `revision` is the one reached."""

    revision: int
    keys: tuple[StoredKey, ...]


def create_key(connection: Connection, order: KeyOrder) -> tuple[StoredKey, NewKey]:
    """Make a key under a name that has no live one; the text of the key is in the answer and nowhere else.

    Raises:
        BadInput: it has no scope, or would be born expired.
        Conflict: the name has a live key.
    """
    revision = next_revision(connection, Revision.ACCESS)
    if _live_of(connection, order.name, order.at):
        raise Conflict(
            f"The name {order.name!r} has a live key.", "Rotate it (`keyart key rotate`), or take another name."
        )
    return _add(connection, order, revision=revision, action="key.create")


def rotate_key(
    connection: Connection, name: str, *, actor: str, at: datetime, expires_at: datetime | None, reason: str | None
) -> tuple[StoredKey, NewKey]:
    """Make a second key of a name with the scopes of its newest one; both open until the older one is revoked.

    Raises:
        UnknownKey: no key has this name.
        BadInput: it would be born expired.
        Conflict: the name has two live keys, or none.
    """
    revision = next_revision(connection, Revision.ACCESS)
    live = _live_of(connection, name, at)
    if not live:
        _find_name(connection, name)
        raise Conflict(f"No key of the name {name!r} is live.", "Make one: `keyart key create`.")
    if len(live) >= LIVE_AT_ONCE:
        older = live[0].prefix
        raise Conflict(f"The name {name!r} has {len(live)} live keys.", f"Revoke the older one, {older}, first.")
    order = KeyOrder(name=name, scopes=live[-1].scopes, actor=actor, at=at, expires_at=expires_at, reason=reason)
    return _add(connection, order, revision=revision, action="key.rotate")


def revoke_key(connection: Connection, prefix: str, *, actor: str, at: datetime, reason: str | None) -> StoredKey:
    """Let a key open nothing from now on; running servers follow with their next refresh.

    Raises:
        UnknownKey: no key has this prefix.
        Conflict: it was revoked before, or is the last live one of an admin.
    """
    revision = next_revision(connection, Revision.ACCESS)
    known = find_key(connection, prefix)
    if known.revoked_at is not None:
        raise Conflict(f"The key {prefix} was revoked before, by {known.revoked_by}.", "There is nothing left to do.")
    if known.is_live(at) and Scope.ADMIN in known.scopes and len(_live_admins(connection, at)) == 1:
        raise Conflict(f"{prefix} is the last key of an admin.", "Make another first: keyart key create --scope admin.")
    revoked = {"revoked_at": at, "revoked_by": actor, "revision": revision}
    connection.execute(update(api_keys).where(api_keys.c.prefix == prefix).values(revoked))
    after = find_key(connection, prefix)
    told = Told(before=facts(known), after=facts(after), reason=reason)
    record(connection, actor=actor, action="key.revoke", subject=f"key/{prefix}", now=at, **told)
    return after


def create_first_key(connection: Connection, *, now: datetime, actor: str) -> NewKey | None:
    """Make the key of an admin where there has never been a key, else None. Of two processes, one makes it."""
    next_revision(connection, Revision.ACCESS)
    if connection.execute(select(api_keys.c.prefix).limit(1)).first() is not None:
        return None
    order = KeyOrder(name=FIRST_KEY, scopes=frozenset({Scope.ADMIN}), actor=actor, at=now, reason="the first start")
    return create_key(connection, order)[1]


def find_key(connection: Connection, prefix: str) -> StoredKey:
    """Return a key.

    Raises:
        UnknownKey: no key has this prefix.
    """
    row = connection.execute(select(api_keys).where(api_keys.c.prefix == prefix)).mappings().one_or_none()
    if row is None:
        raise UnknownKey(f"There is no key {prefix!r}.", "List them: GET /v1/keys or `keyart key list`.")
    return _key(row)


def list_keys(
    connection: Connection, *, after: tuple[str, str] | None = None, limit: int | None = None
) -> list[StoredKey]:
    """Return the keys there ever were, by name and prefix, those behind `after`, at most `limit`."""
    listed = select(api_keys).order_by(api_keys.c.name, api_keys.c.prefix).limit(limit)
    if after is not None:
        name, prefix = after
        listed = listed.where((api_keys.c.name > name) | ((api_keys.c.name == name) & (api_keys.c.prefix > prefix)))
    return [_key(row) for row in connection.execute(listed).mappings()]


def keys_changed_since(connection: Connection, revision: int) -> KeyChanges:
    """Return what changed after `revision`; 0 gives every key. Cheap enough to ask twice a second."""
    reached = current_revision(connection, Revision.ACCESS)
    if reached == revision:
        return KeyChanges(reached, ())
    changed = connection.execute(select(api_keys).where(api_keys.c.revision > revision)).mappings()
    return KeyChanges(reached, tuple(_key(row) for row in changed))


def note_used(connection: Connection, prefixes: Iterable[str], *, day: date) -> None:
    """Keep the last day on which keys were used; an earlier one than is known changes nothing."""
    earlier = or_(api_keys.c.last_used_on.is_(None), api_keys.c.last_used_on < day)
    connection.execute(update(api_keys).where(api_keys.c.prefix.in_(list(prefixes)), earlier).values(last_used_on=day))


def facts(key: StoredKey) -> Facts:
    """What the audit log says of a key; never its digest."""
    return {
        "name": key.name,
        "scopes": sorted(key.scopes),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _add(connection: Connection, order: KeyOrder, *, revision: int, action: str) -> tuple[StoredKey, NewKey]:
    if not order.scopes:
        raise BadInput("A key without a scope opens nothing.", f"Give one of {', '.join(Scope)}.")
    if order.expires_at is not None and order.expires_at <= order.at:
        raise BadInput("The key would have expired already.", "Give a later time, or none.")
    made = new_key()
    row = {
        "prefix": made.prefix,
        "name": order.name,
        "scopes": sorted(order.scopes),
        "digest": made.digest,
        "created_at": order.at,
        "created_by": order.actor,
        "expires_at": order.expires_at,
        "revision": revision,
    }
    connection.execute(insert(api_keys), row)
    stored = find_key(connection, made.prefix)
    told = Told(after=facts(stored), reason=order.reason)
    record(connection, actor=order.actor, action=action, subject=f"key/{made.prefix}", now=order.at, **told)
    return stored, made


def _live_of(connection: Connection, name: str, now: datetime) -> list[StoredKey]:
    """The live keys of a name, the oldest first."""
    named = select(api_keys).where(api_keys.c.name == name).order_by(api_keys.c.created_at, api_keys.c.prefix)
    return [key for row in connection.execute(named).mappings() if (key := _key(row)).is_live(now)]


def _live_admins(connection: Connection, now: datetime) -> list[StoredKey]:
    return [key for key in list_keys(connection) if key.is_live(now) and Scope.ADMIN in key.scopes]


def _find_name(connection: Connection, name: str) -> None:
    if connection.execute(select(api_keys.c.prefix).where(api_keys.c.name == name).limit(1)).first() is None:
        raise UnknownKey(f"No key has the name {name!r}.", "List them: GET /v1/keys or `keyart key list`.")


def _key(row: RowMapping) -> StoredKey:
    return StoredKey(
        prefix=row["prefix"],
        name=row["name"],
        scopes=frozenset(Scope(each) for each in row["scopes"]),
        digest=bytes.fromhex(row["digest"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        revoked_by=row["revoked_by"],
        last_used_on=row["last_used_on"],
    )
