"""A bound on the size of every request body, before anything of it is parsed. Knows no route."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dependencies.problems import problem

MOST_BYTES = 32_000_000
"""More than the largest batch of ten thousand ordinary events takes, and than the largest image."""


class BodyLimit:
    """Refuses a longer body with 413: at once where its length is declared, else as soon as too much of it came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared(scope) > MOST_BYTES:
            await _refuse(scope, receive, send)
            return
        try:
            await self._app(scope, _counted(receive), send)
        except _TooLong:
            # Whoever reads the body before the routes do meets no handler of theirs.
            await _refuse(scope, receive, send)


class _TooLong(HTTPException):
    """Too much came; within the routes it is answered as every HTTPException is."""


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem(413, "too_large", title="The body is too large", detail=_TOO_LARGE, remedy=_REMEDY)
    await answer(scope, receive, send)


_TOO_LARGE = f"The body is longer than {MOST_BYTES:,} bytes."
_REMEDY = "Send it in several requests."


def _declared(scope: Scope) -> int:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(length) if length.isdigit() else 0


def _counted(receive: Receive) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise _TooLong(413, _TOO_LARGE)
        return message

    return counted
