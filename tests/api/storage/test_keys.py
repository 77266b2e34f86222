"""Keys in the database: their hash only, two live ones a name, revoked for ever; every change on the audit log."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from api.credentials import Scope, digest_of
from api.errors import BadInput, Conflict, UnknownKey
from api.storage.access_tables import api_keys, audit_log
from api.storage.audit_log import AuditFilter, list_entries
from api.storage.database import reading, transaction
from api.storage.keys import (
    KeyOrder,
    create_first_key,
    create_key,
    find_key,
    keys_changed_since,
    list_keys,
    note_used,
    revoke_key,
    rotate_key,
)

DAY = timedelta(days=1)


def order(now: datetime, name: str = "web", *scopes: Scope, **more: Any) -> KeyOrder:
    return KeyOrder(name=name, scopes=frozenset(scopes or {Scope.SERVING}), actor="cli:ann", at=now, **more)


def test_only_the_hash_of_a_key_is_kept(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        stored, made = create_key(connection, order(now))
        rows = [*connection.execute(select(api_keys)), *connection.execute(select(audit_log))]
    assert stored.digest == digest_of(made.text)
    secret = made.text.rpartition("_")[2]
    assert secret not in repr(rows)
    assert stored.digest.hex() not in repr([row for row in rows if "key.create" in repr(row)])


def test_a_name_has_two_live_keys_at_most(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        first, _ = create_key(connection, order(now))
        with pytest.raises(Conflict, match="rotate"):
            create_key(connection, order(now))
        again = {"actor": "cli:ann", "expires_at": None, "reason": "monthly"}
        second, made = rotate_key(connection, "web", at=now + DAY, **again)
        assert second.scopes == first.scopes
        assert second.digest == digest_of(made.text) != first.digest
        with pytest.raises(Conflict, match=first.prefix):
            rotate_key(connection, "web", at=now + DAY, **again)
        revoke_key(connection, first.prefix, actor="cli:ann", at=now + DAY, reason="rotated")
        rotate_key(connection, "web", at=now + 2 * DAY, **again)
        assert sorted(key.is_live(now + 2 * DAY) for key in list_keys(connection)) == [False, True, True]


def test_a_key_that_expired_or_was_revoked_makes_room(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        stored, _ = create_key(connection, order(now, expires_at=now + DAY))
        assert (stored.is_live(now), stored.is_live(now + DAY)) == (True, False)
        again, _ = create_key(connection, order(now + DAY))
        revoke_key(connection, again.prefix, actor="cli:ann", at=now + DAY, reason=None)
        with pytest.raises(Conflict, match="before, by cli:ann"):
            revoke_key(connection, again.prefix, actor="cli:bob", at=now + DAY, reason=None)
        with pytest.raises(Conflict, match="keyart key create"):
            rotate_key(connection, "web", actor="cli:ann", at=now + DAY, expires_at=None, reason=None)
        create_key(connection, order(now + DAY))


def test_what_opens_nothing_is_not_made(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        with pytest.raises(BadInput, match="later time"):
            create_key(connection, order(now, expires_at=now))
        with pytest.raises(BadInput, match="serving, creative"):
            create_key(connection, KeyOrder(name="web", scopes=frozenset(), actor="cli:ann", at=now))
        for unknown in (
            lambda: find_key(connection, "nothing"),
            lambda: rotate_key(connection, "nobody", actor="cli:ann", at=now, expires_at=None, reason=None),
        ):
            with pytest.raises(UnknownKey, match="keyart key list"):
                unknown()
        assert list_keys(connection) == []


def test_the_last_admin_cannot_be_locked_out(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        admin, _ = create_key(connection, order(now, "ann", Scope.ADMIN))
        create_key(connection, order(now, "old", Scope.ADMIN, expires_at=now + DAY))
        with pytest.raises(Conflict, match="last key of an admin"):
            revoke_key(connection, admin.prefix, actor="cli:ann", at=now + DAY, reason=None)
        create_key(connection, order(now, "bob", Scope.ADMIN, Scope.ANALYST))
        assert (
            revoke_key(connection, admin.prefix, actor="cli:bob", at=now + DAY, reason="left").revoked_by == "cli:bob"
        )


def test_the_first_key_is_made_once(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        made = create_first_key(connection, now=now, actor="cli:ann")
        assert made is not None
        assert re.fullmatch(r"keyart_[0-9a-z]{10}_[0-9A-Za-z]{38}", made.text)
        assert find_key(connection, made.prefix).scopes == {Scope.ADMIN}
    with transaction(engine) as connection:
        assert create_first_key(connection, now=now, actor="cli:ann") is None


def test_a_reader_learns_what_changed_and_nothing_twice(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        first, _ = create_key(connection, order(now))
    with reading(engine) as connection:
        seen = keys_changed_since(connection, 0)
        assert [key.prefix for key in seen.keys] == [first.prefix]
        assert keys_changed_since(connection, seen.revision).keys == ()
    with transaction(engine) as connection:
        note_used(connection, [first.prefix], day=now.date())
        note_used(connection, [first.prefix], day=(now - DAY).date())
        revoke_key(connection, first.prefix, actor="cli:ann", at=now, reason=None)
    with reading(engine) as connection:
        [key] = keys_changed_since(connection, seen.revision).keys
    assert (key.revoked_at, key.last_used_on) == (now, now.date())


def test_every_change_of_a_key_is_on_the_audit_log(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        key, _ = create_key(connection, order(now, reason="the new site"))
        revoke_key(connection, key.prefix, actor="key:bob", at=now + DAY, reason="leaked")
        revoked, created = list_entries(connection, wanted=AuditFilter(subject=f"key/{key.prefix}"))
    assert (created.actor, created.action, created.before, created.reason) == (
        "cli:ann",
        "key.create",
        None,
        "the new site",
    )
    assert (revoked.actor, revoked.action, revoked.reason, revoked.at) == ("key:bob", "key.revoke", "leaked", now + DAY)
    assert revoked.before is not None
    assert revoked.before["revoked_at"] is None
    assert revoked.after is not None
    assert datetime.fromisoformat(revoked.after["revoked_at"]) == (now + DAY).astimezone(UTC)
