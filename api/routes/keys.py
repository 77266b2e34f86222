"""/v1/keys: the API keys, made, rotated and revoked by admins. A key's text is in the answer that makes it, only."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field, StringConstraints

from api.credentials import NewKey, Scope
from api.dependencies.access import ActorDep
from api.dependencies.requests import ServicesDep
from api.routes.listing import USUAL, Cursor, Limit, Name, cursor_of, part_of, place_of
from api.routes.once import ONCE, OnceRoute
from api.routes.tags import ReadersTag, tagged
from api.routes.wire import Moment, Text, Wire
from api.storage.database import reading, transaction
from api.storage.keys import KeyOrder, StoredKey, create_key, list_keys, revoke_key, rotate_key

router = APIRouter(prefix="/keys", tags=["access"], route_class=OnceRoute)

KeyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Whose key it is: letters, digits, `.`, `_` and `-`, at most 64 characters."""
NamePath = Annotated[KeyName, Path()]
PrefixPath = Annotated[str, Path(pattern=r"^[0-9a-z]{10}$")]


class RotateBody(Wire):
    """When the second key expires (null: never), and why it is made."""

    expires_at: Moment | None = None
    reason: Text | None = None


class KeyBody(RotateBody):
    """Whose key it is and what it may do; a name has one live key, two while it is rotated."""

    name: KeyName
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]


class WhyBody(Wire):
    """Why; kept for ever."""

    reason: Text


class KeyAnswer(Wire):
    """A key without its text. `last_used_on` is the last day, in UTC, on which a request carried it."""

    prefix: str
    name: str
    scopes: list[Scope]
    live: bool
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_on: date | None


class NewKeyAnswer(KeyAnswer):
    """A key that was just made: `key` is its text, which nothing shows again."""

    key: str


class KeysAnswer(Wire):
    """The keys there ever were, in the order of their names; `next` is the `cursor` of the following part."""

    keys: list[KeyAnswer]
    next: str | None = None


@router.get("", response_model=KeysAnswer)
def listed(
    services: ServicesDep, cursor: Cursor = None, limit: Limit = USUAL, if_none_match: ReadersTag = None
) -> Response:
    """List the keys: those that are live, and those that expired or were revoked."""
    after = None if cursor is None else place_of(cursor, "keys", tuple[Name, Name])
    with reading(services.engine) as connection:
        found = list_keys(connection, after=after, limit=limit + 1)
    given, last = part_of(found, limit)
    following = None if last is None else cursor_of("keys", last.name, last.prefix)
    told = [key_answer(each, now=datetime.now(UTC)) for each in given]
    return tagged(KeysAnswer(keys=told, next=following), if_none_match)


@router.post("", status_code=201, response_model=NewKeyAnswer, dependencies=[ONCE])
def create(body: KeyBody, actor: ActorDep, services: ServicesDep, response: Response) -> NewKeyAnswer:
    """Make a key. Running servers know it with their next refresh, this one at once."""
    order = KeyOrder(
        name=body.name,
        scopes=frozenset(body.scopes),
        actor=actor,
        at=datetime.now(UTC),
        expires_at=body.expires_at,
        reason=body.reason,
    )
    with transaction(services.engine) as connection:
        stored, made = create_key(connection, order)
    services.refresh()
    response.headers["Cache-Control"] = "no-store"
    return new_key_answer(stored, made)


@router.post("/{name}:rotate", status_code=201, response_model=NewKeyAnswer, dependencies=[ONCE])
def rotate(
    name: NamePath, body: RotateBody, actor: ActorDep, services: ServicesDep, response: Response
) -> NewKeyAnswer:
    """Make a second key of a name, with the same scopes. The older one opens until it is revoked."""
    with transaction(services.engine) as connection:
        stored, made = rotate_key(
            connection, name, actor=actor, at=datetime.now(UTC), expires_at=body.expires_at, reason=body.reason
        )
    services.refresh()
    response.headers["Cache-Control"] = "no-store"
    return new_key_answer(stored, made)


@router.post("/{prefix}:revoke", response_model=KeyAnswer, dependencies=[ONCE])
def revoke(prefix: PrefixPath, body: WhyBody, actor: ActorDep, services: ServicesDep) -> KeyAnswer:
    """Let a key open nothing any more: here at once, on other servers with their next refresh."""
    now = datetime.now(UTC)
    with transaction(services.engine) as connection:
        revoked = revoke_key(connection, prefix, actor=actor, at=now, reason=body.reason)
    services.refresh()
    return key_answer(revoked, now=now)


def key_answer(key: StoredKey, *, now: datetime) -> KeyAnswer:
    """A key as people read it."""
    return KeyAnswer(
        prefix=key.prefix,
        name=key.name,
        scopes=sorted(key.scopes),
        live=key.is_live(now),
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        revoked_by=key.revoked_by,
        last_used_on=key.last_used_on,
    )


def new_key_answer(stored: StoredKey, made: NewKey) -> NewKeyAnswer:
    """A key that was just made, with its text."""
    return NewKeyAnswer(**key_answer(stored, now=stored.created_at).model_dump(), key=made.text)
