"""`Idempotency-Key` on the routes that change something: a repeated request is answered again and changes nothing.

A route takes it by its class and its dependency: `APIRouter(route_class=OnceRoute)` and `dependencies=[ONCE]`.
"""

import hashlib
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.dependencies.access import PrincipalDep
from api.dependencies.services import Services
from api.errors import Conflict, KeyartError, RepeatedKey, StorageUnavailable
from api.routes.tags import tag_of
from api.storage.database import transaction
from api.storage.repeats import Repeat, begin, finish, forget

REPLAYED = "Idempotency-Replayed"
_UNTOLD = b""
"""Stands for an answer that was given and is not kept: it held a secret."""

Key = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="Makes a repeated request get the same answer, for a day."),
]


class AnsweredBefore(Exception):
    """Carries an answer that was given before past the route."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__()
        self.status, self.body = status, body


async def once(request: Request, principal: PrincipalDep, idempotency_key: Key = None) -> None:
    """Begin a change under its key, where one came.

    Raises:
        AnsweredBefore: it was answered before.
        RepeatedKey: the key came with another request.
        Conflict: the first request with the key never ended, or is being answered.
    """
    if idempotency_key is None:
        return
    body = await request.body()
    place = f"{request.method} {request.url.path}"
    services = _services(request)
    # Sealed, since a body may hold nothing but a viewer's id, which a plain digest would let anybody try.
    key = services.keys.sealed(
        _digest(principal.actor.encode(), place.encode(), idempotency_key.encode("latin-1", "replace"))
    )
    digest = services.keys.sealed(hashlib.sha256(body).hexdigest())
    known = await run_in_threadpool(_begin, services, key, digest)
    if known is not None:
        _answer_again(known, digest)
    request.state.once = key


ONCE = Depends(once)


class OnceRoute(APIRoute):
    """Keeps the answer of a change that was begun under a key, and gives the key back where it was refused."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute.get_route_handler`."""
        handle = super().get_route_handler()

        async def kept(request: Request) -> Response:
            try:
                answer = await handle(request)
            except AnsweredBefore as before:
                return _replayed(request, before)
            except (KeyartError, RequestValidationError):
                if hasattr(request.state, "once"):
                    await run_in_threadpool(_forget, _services(request), request.state.once)
                raise
            if hasattr(request.state, "once"):
                services, key = _services(request), request.state.once
                body = _UNTOLD if answer.headers.get("Cache-Control") == "no-store" else bytes(answer.body)
                await run_in_threadpool(_finish, services, key, answer.status_code, body)
            return answer

        return kept


def _replayed(request: Request, before: AnsweredBefore) -> Response:
    headers = {REPLAYED: "true"}
    if request.method == "PUT" and before.status == 200:
        headers["ETag"] = tag_of(before.body)
    return Response(before.body, before.status, media_type="application/json", headers=headers)


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def _begin(services: Services, key: str, digest: str) -> Repeat | None:
    with transaction(services.engine) as connection:
        return begin(connection, key, digest=digest, now=datetime.now(UTC))


def _finish(services: Services, key: str, status: int, body: bytes) -> None:
    with transaction(services.engine) as connection:
        finish(connection, key, status=status, body=body)


def _forget(services: Services, key: str) -> None:
    """Give a key back, since nothing was changed. While the database is away the key stays begun."""
    with suppress(StorageUnavailable), transaction(services.engine) as connection:
        forget(connection, key)


def _answer_again(known: Repeat, digest: str) -> None:
    if known.digest != digest:
        raise RepeatedKey("This Idempotency-Key came with another request before.", "Use a new key for a new request.")
    if known.status is None or known.body is None:
        raise Conflict(
            "A request with this Idempotency-Key is being answered, or ended without an answer.",
            "Look at the present state; if the change is not there, send it with a new key.",
        )
    if known.body == _UNTOLD:
        raise Conflict(
            "This request was carried out before, and its answer held a key, which is kept nowhere.",
            "Look at GET /v1/keys; revoke what you did not get, and send it with a new Idempotency-Key.",
        )
    raise AnsweredBefore(known.status, known.body)


def _digest(*parts: bytes) -> str:
    """One name for several parts, which no other parts have."""
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()
