"""Who may call: the holder of the admin key, once one is set. Knows no route."""

import base64
import binascii

from fastapi import Request

from api.dependencies.requests import ServicesDep
from api.errors import NotAllowed
from api.security import is_admin_key


def require_key(request: Request, services: ServicesDep) -> None:
    """Let a request pass that carries `KEYART_ADMIN_KEY`, or any request while that setting is empty.

    Programs send `Authorization: Bearer KEY`; a browser may send the key as the password of Basic authentication.

    Raises:
        NotAllowed: a key is set and the request carries none or another.
    """
    if services.settings.admin_key is None:
        return
    if not is_admin_key(_key_of(request.headers.get("authorization", "")), services.settings):
        raise NotAllowed("The request carries no valid key.", "Send `Authorization: Bearer KEY` with KEYART_ADMIN_KEY.")


def _key_of(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
