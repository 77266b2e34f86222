"""The id of the request that is being answered: taken from the caller or made, for logs, problems and answers."""

import os
import re
from contextvars import ContextVar
from itertools import count

HEADER = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_PROCESS = os.urandom(4).hex()
_numbers = count(int.from_bytes(os.urandom(2), "big"))
"""An id names its process and counts on: chance for each request would cost more than all else that is done here."""
_current: ContextVar[str | None] = ContextVar("keyart_request", default=None)


def request_id() -> str | None:
    """The id of the request that this code runs for; None outside of requests."""
    return _current.get()


def begin_request(sent: bytes | None) -> str:
    """Give the request of this task its id: the one that was `sent` where it is well formed, else a new one.

    At most 64 letters, digits, `.`, `_` and `-`: nothing that could break a log line or a header.
    """
    known = sent is not None and _WELL_FORMED.fullmatch(sent)
    made = sent.decode() if sent is not None and known else f"{_PROCESS}{next(_numbers):08x}"
    _current.set(made)
    return made
