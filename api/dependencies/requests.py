"""What a request is handed: the services, and its raw body within a limit."""

from typing import Annotated, cast

from fastapi import Depends, Request

from api.dependencies.services import Services
from api.errors import TooLarge


async def services_of(request: Request) -> Services:
    """Return the services that the lifespan opened; on the loop, for a thread would cost more than the look-up."""
    return cast(Services, request.app.state.services)


ServicesDep = Annotated[Services, Depends(services_of)]


async def read_body(request: Request, limit: int) -> bytes:
    """Read a raw body of at most `limit` bytes, without ever holding more than that.

    Raises:
        TooLarge: it is longer, or says so.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is longer than {limit:,} bytes.", f"Send at most {limit / 1e6:.0f} MB.")
