"""The quick way to POST /v1/select and select:batch: what is in good order is answered without the framework's routes.

Whatever is unusual (a wrong field, a title that is not known yet, a spelling that only the route knows) goes on to
its route, which reads the same request in the same way and says what is wrong. Pure ASGI.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dependencies.access import authorise
from api.dependencies.pages import SelectCall
from api.dependencies.problems import problem_of
from api.dependencies.services import Services
from api.errors import KeyartError
from api.homepage.request import AskedTitle
from api.routes.select import (
    MOST_PAGES,
    MOST_TITLES,
    answer_together,
    budget_of,
    key_of_place,
    select,
    select_batch,
    stored_key,
)
from api.routes.wire import to_utc
from bandit.context import RequestContext

_Headers = Iterable[tuple[bytes, bytes]]
_Answering = Callable[[], Awaitable[bytes]]
_UNPLACED = -1
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _Asked(AskedTitle, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    position: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = _UNPLACED


class _Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: _Word | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    row: _Word | None = None
    canvas: _Word | None = None
    locale: _Word | None = None


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    viewer: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    titles: Annotated[tuple[_Asked, ...], msgspec.Meta(min_length=1, max_length=100)]
    context: _Context = _Context()


class _Page(_Body, frozen=True, forbid_unknown_fields=True):
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None


class _Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    requests: Annotated[tuple[_Page, ...], msgspec.Meta(min_length=1, max_length=MOST_PAGES)]


_decoder = msgspec.json.Decoder(_Body)
_batch_decoder = msgspec.json.Decoder(_Batch)


class SelectDoor:
    """The middleware: stands before the routes, inside of what counts and limits requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        door = _DOORS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if door is None:
            await self._app(scope, receive, send)
            return
        read, endpoint = door
        body = await whole_body(receive)
        services = cast(Services, scope["app"].state.services)
        answering = None if body is None or scope["query_string"] else await read(body, scope["headers"], services)
        if answering is None:
            await self._app(scope, receive if body is None else _again(body, receive), send)
            return
        scope["endpoint"] = endpoint
        try:
            await authorise(Request(scope))
            answer = await answering()
        except KeyartError as error:
            await problem_of(error)(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def _one(body: bytes, headers: _Headers, services: Services) -> _Answering | None:
    call = call_of(body, headers, services)
    return None if call is None else lambda: services.pages.answered(call)


async def _many(body: bytes, headers: _Headers, services: Services) -> _Answering | None:
    """On a thread: a batch can be megabytes, and the loop has others to serve."""
    calls = await asyncio.to_thread(calls_of, body, headers, services)
    return None if calls is None else lambda: answer_together(services, calls)


_DOORS = {"/v1/select": (_one, select), "/v1/select:batch": (_many, select_batch)}


def call_of(body: bytes, headers: _Headers, services: Services) -> SelectCall | None:
    """Read a request as the route would, or return None where the route must look at it."""
    try:
        sent = _decoder.decode(body)
        budget, key = _told(headers, services.settings.select_budget_ms)
        return _call(sent, budget=budget, key=key, services=services, now=datetime.now(UTC))
    except ValueError:
        return None


def calls_of(body: bytes, headers: _Headers, services: Services) -> list[SelectCall] | None:
    """Read a batch as its route would, or return None where the route must look at it."""
    try:
        sent = _batch_decoder.decode(body).requests
        budget, key = _told(headers, services.settings.batch_budget_ms)
        own = [each.idempotency_key for each in sent if each.idempotency_key is not None]
        if len(set(own)) < len(own) or not all(map(str.isprintable, own)):
            return None
        if sum(len(each.titles) for each in sent) > MOST_TITLES:
            return None
        now = datetime.now(UTC)
        calls = [
            _call(each, budget=budget, key=key_of_place(each.idempotency_key, key, place), services=services, now=now)
            for place, each in enumerate(sent)
        ]
    except ValueError:
        return None
    read = [call for call in calls if call is not None]
    return read if len(read) == len(calls) else None


def _call(sent: _Body, *, budget: float, key: str | None, services: Services, now: datetime) -> SelectCall | None:
    context = _context_of(sent.context, now)
    lacking = services.catalogue.current.lacks([each.title for each in sent.titles])
    texts = (sent.viewer, context.device, context.row, context.canvas, context.locale)
    if lacking or not all([text is None or text.isprintable() for text in texts]):
        return None
    return SelectCall(
        viewer=sent.viewer,
        context=context,
        at_given=sent.context.at is not None,
        titles=_placed(sent.titles),
        budget=budget,
        idempotency_key=stored_key(key, sent.viewer, services.keys),
    )


def _context_of(sent: _Context, now: datetime) -> RequestContext:
    at = now if sent.at is None else to_utc(sent.at)
    return RequestContext(at=at, device=sent.device, row=sent.row, canvas=sent.canvas, locale=sent.locale)


def _placed(titles: tuple[_Asked, ...]) -> tuple[AskedTitle, ...]:
    """A title's place in the list is its position, where the caller gave none."""
    if _UNPLACED not in [each.position for each in titles]:
        return titles
    return tuple(
        each if each.position != _UNPLACED else msgspec.structs.replace(each, position=place)
        for place, each in enumerate(titles)
    )


def _told(headers: _Headers, allowed_ms: int) -> tuple[float, str | None]:
    """The time budget, in seconds, and the idempotency key of the headers.

    Raises:
        ValueError: one of them is not as the route wants it, or comes twice.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in (b"keyart-time-budget", b"idempotency-key", b"content-type"):
            if name in found:
                raise ValueError(name)
            found[name] = value
    if not found.get(b"content-type", b"").startswith(b"application/json"):
        raise ValueError("no JSON")
    key = found.get(b"idempotency-key")
    if key is not None and not 1 <= len(key) <= 255:
        raise ValueError(key)
    asked_ms = _milliseconds(found.get(b"keyart-time-budget"))
    return budget_of(allowed_ms, asked_ms), None if key is None else key.decode("latin-1")


def _milliseconds(budget: bytes | None) -> int | None:
    if budget is None:
        return None
    if not budget.isdigit() or not 1 <= int(budget) <= 600_000:  # int() by itself would read 1_000 and +7
        raise ValueError(budget)
    return int(budget)


async def whole_body(receive: Receive) -> bytes | None:
    """The body of a request, or None where its sender went away."""
    message = await receive()
    parts: list[bytes] = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))  # adding up bytes would copy a long body once a part
    return None if message["type"] == "http.disconnect" else b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was taken, then what else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        message: dict[str, Any] = {"type": "http.request", "body": body, "more_body": False}
        return message

    return again
