"""How every mistake becomes `application/problem+json` (RFC 9457). Knows no route."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.dependencies.request_ids import HEADER, request_id
from api.errors import KeyartError, NotAllowed, RejectedUpload, TooManyRequests

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "https://keyart.invalid/problems/"
"""Problem types are names, not pages: `.invalid` never resolves (RFC 2606)."""


def problem(
    status: int, code: str, *, title: str, detail: str, remedy: str = "", more: Mapping[str, Any] | None = None
) -> Response:
    """Build one problem answer.

    `detail` says what is wrong, and then what to do about it, which `remedy` says by itself. `request` names the log
    lines that belong to it.
    """
    body: dict[str, Any] = {"type": PROBLEM_TYPE + code, "title": title, "status": status}
    body["detail"] = f"{detail} {remedy}".strip()
    if remedy:
        body["remedy"] = remedy
    body.update(more or {})
    request = request_id()
    headers = {"Cache-Control": "no-store"}  # else a 404 may be kept by whatever lies between
    if request is not None:
        headers[HEADER.decode()] = request
    if request is not None:
        body["request"] = request
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/problem+json", headers=headers
    )


Authorise = Callable[[Request], Awaitable[object]]


def answer_problems(app: FastAPI, *, authorise: Authorise) -> None:
    """Register the handlers on an application; `authorise` raises a KeyartError where the caller may not ask."""
    app.add_exception_handler(KeyartError, _keyart_error)
    app.add_exception_handler(RequestValidationError, _to_who_may_ask(_invalid_request, authorise))
    app.add_exception_handler(HTTPException, _to_who_may_ask(_http_error, authorise))
    app.add_exception_handler(Exception, _unexpected)


def _to_who_may_ask(
    answer: Callable[[Request, Exception], Response], authorise: Authorise
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Say what is wrong with a body only to who may send one: FastAPI reads bodies before it asks who sends them."""

    async def answered(request: Request, error: Exception) -> Response:
        unread = isinstance(error, RequestValidationError) or getattr(error, "status_code", None) == 400
        if unread and not hasattr(request.state, "principal"):
            try:
                await authorise(request)
            except KeyartError as refusal:
                return problem_of(refusal)
        return answer(request, error)

    return answered


def _keyart_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, KeyartError)
    return problem_of(error)


def problem_of(error: KeyartError) -> Response:
    """Build the answer that refuses a request for a mistake of ours to name."""
    more: dict[str, Any] = {"reason": error.reason} if isinstance(error, RejectedUpload) else {}
    if error.titles:
        more["titles"] = error.titles
    answer = problem(error.status, error.code, title=error.title, detail=error.message, remedy=error.remedy, more=more)
    if error.status == 503:
        answer.headers["Retry-After"] = "1"
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, NotAllowed):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="keyart"'
    return answer


def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if _unread_for_its_kind(request, error):
        title, detail, remedy = _NO_JSON
        return problem(415, "unsupported_media_type", title=title, detail=detail, remedy=remedy)
    found = [{"where": _where(each), "message": _said(each)} for each in error.errors()]
    detail = f"{found[0]['where']}: {found[0]['message']}" + (f" (and {len(found) - 1} more)" if found[1:] else "")
    remedy = "Correct the fields named in `errors`; /openapi.json describes them all."
    more = {"errors": found[:20], "remedy": remedy}
    return problem(422, "invalid_request", title="The request is not valid", detail=detail, more=more)


_NO_JSON = (
    "The body is of another kind",
    "This route takes JSON, and the header Content-Type does not say that the body is.",
    "Send JSON with the header `Content-Type: application/json`; /openapi.json describes every body.",
)


def _unread_for_its_kind(request: Request, error: RequestValidationError) -> bool:
    """Whether there is a body, and FastAPI handed it on as bytes since its Content-Type names no JSON."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    return not is_json and any(tuple(each["loc"]) == ("body",) and each["type"] != "missing" for each in error.errors())


def _where(mistake: Mapping[str, Any]) -> str:
    if mistake["type"] == "json_invalid":  # its location is a character's
        return "body"
    return ".".join(str(part) for part in mistake["loc"][1:]) or str(mistake["loc"][0])


def _said(mistake: Mapping[str, Any]) -> str:
    if mistake["type"] == "json_invalid":
        return f"This is no JSON: {mistake['ctx']['error']} at character {mistake['loc'][-1]}"
    return str(mistake["msg"]).removeprefix("Value error, ")


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, remedy = _HTTP_MISTAKES.get(error.status_code, ("http_error", "/openapi.json lists every route."))
    detail = f"{request.method} {request.url.path}: {error.detail}."
    answer = problem(error.status_code, code, title=str(error.detail), detail=detail, remedy=remedy)
    answer.headers.update(error.headers or {})
    return answer


_HTTP_MISTAKES = {
    400: ("unreadable", "Send a body as its Content-Type says; /openapi.json describes it."),
    404: ("no_such_route", "/openapi.json lists every route."),
    405: ("method_not_allowed", "The header Allow names what this address takes; /openapi.json lists every route."),
    413: ("too_large", "Send it in several requests."),
}


def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("unexpected error in %s %s", request.method, request.url.path, exc_info=error)
    detail = "The server met an error it did not expect; its log has the details. Nothing was half-written."
    remedy = "Look for the id in `request` in the server's log. The same request may be sent again."
    return problem(500, "internal", title="Something went wrong inside Keyart", detail=detail, remedy=remedy)
