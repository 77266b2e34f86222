"""How every mistake becomes `application/problem+json` (RFC 9457). Knows no route."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.errors import KeyartError, NotAllowed, RejectedUpload, TooManyRequests

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "https://keyart.invalid/problems/"
"""Problem types are names, not pages: `.invalid` never resolves (RFC 2606)."""


def problem(status: int, code: str, *, title: str, detail: str, more: Mapping[str, Any] | None = None) -> Response:
    """Build one problem answer; `detail` says what is wrong and what to do about it."""
    body = {"type": PROBLEM_TYPE + code, "title": title, "status": status, "detail": detail, **(more or {})}
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/problem+json")


def answer_problems(app: FastAPI) -> None:
    """Register the handlers on an application."""
    app.add_exception_handler(KeyartError, _keyart_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def _keyart_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, KeyartError)
    more = {"remedy": error.remedy} if error.remedy else {}
    if isinstance(error, RejectedUpload):
        more["reason"] = error.reason
    answer = problem(error.status, error.code, title=error.title, detail=str(error), more=more)
    if error.status == 503:
        answer.headers["Retry-After"] = "1"
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, NotAllowed):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="keyart"'
    return answer


def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [{"where": _where(each["loc"]), "message": each["msg"]} for each in error.errors()]
    detail = f"{found[0]['where']}: {found[0]['message']}" + (f" (and {len(found) - 1} more)" if found[1:] else "")
    more = {"errors": found[:20], "remedy": "Correct the fields named in `errors`; /openapi.json describes them all."}
    return problem(422, "invalid_request", title="The request is not valid", detail=detail, more=more)


def _where(location: Sequence[Any]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "no_such_route", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "http_error")
    detail = f"{request.method} {request.url.path}: {error.detail}. /openapi.json lists every route."
    answer = problem(error.status_code, code, title=str(error.detail), detail=detail)
    answer.headers.update(error.headers or {})
    return answer


def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("unexpected error in %s %s", request.method, request.url.path, exc_info=error)
    detail = "The server met an error it did not expect; its log has the details. Nothing was half-written."
    return problem(500, "internal", title="Something went wrong inside Keyart", detail=detail)
