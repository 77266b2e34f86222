"""Who calls, and whether they may: the one check before every route. Knows no route."""

from typing import Annotated, cast

from fastapi import Depends, Request

from api.credentials import Principal, Scope
from api.errors import NotAllowed
from api.security import is_admin_key
from api.settings import Settings

ANYONE = Principal("anyone", frozenset({Scope.ADMIN}))
"""Whoever calls an installation without keys."""


async def authorise(request: Request) -> Principal:
    """Return who calls, and keep it on `request.state.principal`.

    Raises:
        NotAllowed: the request carries no valid key.
    """
    settings = cast(Settings, request.app.state.services.settings)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if settings.admin_key is not None and not (scheme.lower() == "bearer" and is_admin_key(key.strip(), settings)):
        raise NotAllowed("The request carries no valid key.", "Send `Authorization: Bearer KEY` with KEYART_ADMIN_KEY.")
    request.state.principal = ANYONE
    return ANYONE


async def principal_of(request: Request) -> Principal:
    """Return who calls; every route was authorised before it."""
    return cast(Principal, request.state.principal)


async def actor_of(request: Request) -> str:
    """Return how audit log, deployments and guards name the caller: `key:creative-team`."""
    return cast(Principal, request.state.principal).actor


PrincipalDep = Annotated[Principal, Depends(principal_of)]
ActorDep = Annotated[str, Depends(actor_of)]
