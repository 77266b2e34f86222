"""HEAD is answered as GET is, without the body (RFC 9110, 9.3.2): probes ask so. Pure ASGI, knows no route."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """The middleware: what is behind it sees GET."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
