"""Who calls, and whether they may: the one check before every route. Knows no route.

A key is looked up in memory: the check of a program costs microseconds. Only a browser's session asks the database.
"""

import time
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope as RequestScope

from api.credentials import Principal, Scope
from api.dependencies.permissions import PERMISSIONS, SERVERS
from api.dependencies.services import Services
from api.dependencies.sessions import SAFE_METHODS, given_session, is_from_own_pages, utc_now
from api.dependencies.watch import template_of
from api.errors import Forbidden, KeyartError, LogInFirst, NotAllowed
from api.storage.audit_log import By

STRANGER = Principal("nobody", frozenset())
"""Whoever asks for what needs no key."""


async def authorise(request: Request) -> Principal:
    """Return who calls, and keep it on `request.state.principal`.

    Raises:
        NotAllowed: the request carries no valid key and no session.
        Forbidden: its scopes do not suffice, or a foreign page made the request.
        TooManyRequests: the key asks too often, or its address sent too many wrong ones.
        StorageUnavailable: the keys could never be read since the start, and more than a page is asked for.
    """
    route = request.method, template_of(request.scope)
    if route not in PERMISSIONS:
        raise Forbidden(
            f"{route[0]} {route[1]} opens for nobody.", "It needs a row in api/dependencies/permissions.py."
        )
    allowed = PERMISSIONS[route]
    if allowed is None:
        request.state.principal = STRANGER
        return STRANGER
    services = cast(Services, request.app.state.services)
    header = request.headers.get("authorization")
    principal = await _by_session(request, services) if header is None else await _by_key(request, services, header)
    await services.limits.count_request(principal.prefix, serving=allowed is SERVERS)
    if not principal.may(allowed):
        services.callers.check_read()
        raise _refusal(principal, allowed)
    request.state.principal = principal
    return principal


async def carries_a_key(scope: RequestScope, services: Services) -> bool:
    """Tell whether a request carries a valid key, whatever it opens; a wrong one counts as `authorise` counts it."""
    request = Request(scope)
    try:
        await _by_key(request, services, request.headers.get("authorization", ""))
    except KeyartError:
        return False
    return True


async def principal_of(request: Request) -> Principal:
    """Return who calls; every route was authorised before it."""
    return cast(Principal, request.state.principal)


async def actor_of(request: Request) -> str:
    """Return how audit log, deployments and guards name the caller: `key:creative-team`."""
    return cast(Principal, request.state.principal).actor


async def by_of(
    principal: Annotated[Principal, Depends(principal_of)],
    keyart_reason: Annotated[str | None, Header(max_length=500, description="Why; kept in the audit log.")] = None,
) -> By:
    """Return who changes something, and why where the request has a header `Keyart-Reason`."""
    return By(principal.actor, _as_sent(keyart_reason or "").strip() or None)


def _as_sent(header: str) -> str:
    """A header's bytes are read as Latin-1; most clients write UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


PrincipalDep = Annotated[Principal, Depends(principal_of)]
ActorDep = Annotated[str, Depends(actor_of)]
ByDep = Annotated[By, Depends(by_of)]


def address_of(request: Request) -> str:
    """Return where a request comes from, for counting failures."""
    return request.client.host if request.client else "here"


async def _by_key(request: Request, services: Services, header: str) -> Principal:
    scheme, _, key = header.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise NotAllowed("The request carries no key.", _REMEDY)
    if services.callers.preset_is_guessable and not key.startswith("keyart_"):
        await services.limits.check_failed_keys(address_of(request))
    try:
        return services.callers.principal_of(key, now=time.time())
    except NotAllowed:
        await services.limits.count_failed_key(address_of(request))
        raise


async def _by_session(request: Request, services: Services) -> Principal:
    given = given_session(request)
    principal = None
    if given is not None:
        principal = await run_in_threadpool(services.sessions.principal_of, given, now=utc_now())
    if principal is None:
        if not request.url.path.startswith("/v1/"):
            raise LogInFirst("You are not logged in.", "Open /login in a browser, or send `Authorization: Bearer KEY`.")
        raise NotAllowed("The request carries no key.", _REMEDY)
    if request.method not in SAFE_METHODS and not is_from_own_pages(request):
        raise Forbidden(
            "Another site's page made this request with your log-in.", "Use the pages of this console, or send a key."
        )
    return principal


_REMEDY = "Send `Authorization: Bearer KEY`; an admin makes keys with `keyart key create`."


def _refusal(principal: Principal, allowed: frozenset[Scope]) -> Forbidden:
    wanted = " or ".join(sorted(allowed | {Scope.ADMIN}))
    has = ", ".join(sorted(principal.scopes))
    remedy = f"Use a key with the scope {wanted}."
    return Forbidden(f"The key {principal.name!r} has the scope {has}, which does not suffice.", remedy)
