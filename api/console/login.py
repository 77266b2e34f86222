"""Logging in to the console with a key, and out again. Knows no figure."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.console.forms import FormDep
from api.console.refusals import ConsoleRoute
from api.console.rendering import rendered
from api.dependencies.access import address_of
from api.dependencies.problems import problem
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.dependencies.sessions import given_session, is_from_own_pages, is_secure, take_back, utc_now
from api.errors import Forbidden, NotAllowed

router = APIRouter(include_in_schema=False, route_class=ConsoleRoute)

FRONT = "/"


@router.get("/login")
async def form(
    request: Request, services: ServicesDep, after: Annotated[str, Query(max_length=2000)] = FRONT
) -> Response:
    """Show the form; `after` is the page to go on to."""
    return _form(request, services, after=after)


@router.post("/login")
async def log_in(request: Request, services: ServicesDep, fields: FormDep) -> Response:
    """Begin a session with the key that was typed; a wrong one shows the form again."""
    if not is_from_own_pages(request, unless_told=True):
        raise Forbidden("Another site's page sent this log-in.", "Open /login and use the form there.")
    after, address = _local(fields.get("after", FRONT)), address_of(request)
    await services.limits.check_log_in(address)
    now = utc_now()
    try:
        principal = services.callers.principal_of(fields.get("key", ""), now=now.timestamp())
    except NotAllowed as error:
        await services.limits.count_failed_log_in(address)
        return _form(request, services, after=after, problem=error.message)
    before = given_session(request)
    if before is not None:
        await run_in_threadpool(services.sessions.end, before)
    answer = RedirectResponse(after, status_code=303)
    services.sessions.give(request, answer, await run_in_threadpool(services.sessions.begin, principal, now=now))
    return answer


@router.post("/logout")
async def log_out(request: Request, services: ServicesDep) -> Response:
    """End the session."""
    if not is_from_own_pages(request):
        raise Forbidden("Another site's page sent this log-out.", "Use the button of the console.")
    given = given_session(request)
    if given is not None:
        await run_in_threadpool(services.sessions.end, given)
    answer = RedirectResponse("/login", status_code=303)
    take_back(request, answer)
    return answer


def lead_to_log_in(request: Request, error: Exception) -> Response:
    """Answer whoever is not logged in: a browser with the form, and back from there; a program with a problem."""
    assert isinstance(error, NotAllowed)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    there = f"/login?after={quote(wanted if request.method == 'GET' else FRONT)}"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(there, status_code=303)
    answer = problem(401, error.code, title=error.title, detail=error.message, remedy=error.remedy)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="keyart"'
    return answer


def _form(request: Request, services: Services, *, after: str, problem: str | None = None) -> Response:
    context = {
        "after": _local(after),
        "problem": problem,
        "cookie_is_lost": is_secure(request) and request.url.scheme != "https",
    }
    return rendered(request, services, "login.html", context, status=200 if problem is None else 401)


def _local(address: str) -> str:
    """An address of this server: a path, never another host, whatever a browser makes of backslashes."""
    is_path = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if is_path else FRONT
