"""A bound on the size of every request body, before anything of it is parsed. Knows no route."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dependencies.problems import problem

MOST_BYTES = 32_000_000
"""More than the largest batch of ten thousand ordinary events takes, and than the largest image."""


MOST_BYTES_OF_STRANGERS = 200_000
"""What a request without a valid key may make the server read and parse, before it is refused for that."""


class BodyLimit:
    """Refuses a longer body with 413: at once where its length is declared, else as soon as too much of it came."""

    def __init__(self, app: ASGIApp, *, is_known: Callable[[Scope], Awaitable[bool]]) -> None:
        """`is_known` tells whether a request carries a valid key; it is asked about long bodies only."""
        self._app = app
        self._is_known = is_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = _declared(scope)
        if declared > MOST_BYTES_OF_STRANGERS and declared > await self._most(scope):
            await _refuse(scope, receive, send)
            return
        try:
            await self._app(scope, self._counted(scope, receive), send)
        except _TooLong:
            # Whoever reads the body before the routes do meets no handler of theirs.
            await _refuse(scope, receive, send)

    async def _most(self, scope: Scope) -> int:
        return MOST_BYTES if await self._is_known(scope) else MOST_BYTES_OF_STRANGERS

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        taken, most = 0, MOST_BYTES_OF_STRANGERS

        async def counted() -> Message:
            nonlocal taken, most
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                most = await self._most(scope)
                if taken > most:
                    raise _TooLong(413, _TOO_LARGE)
            return message

        return counted


class _TooLong(HTTPException):
    """Too much came; within the routes it is answered as every HTTPException is."""


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem(413, "too_large", title="The body is too large", detail=_TOO_LARGE, remedy=_REMEDY)
    await answer(scope, receive, send)


_TOO_LARGE = f"The body is longer than {MOST_BYTES:,} bytes, or than {MOST_BYTES_OF_STRANGERS:,} without a valid key."
_REMEDY = "Send it in several requests, with a key."


def _declared(scope: Scope) -> int:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(length) if length.isdigit() else 0
