"""ETags: a reader need not be sent what it has, and a writer may say which state it means. Knows no resource.

The tag of a resource is made of the bytes of its answer, so it changes exactly when the answer does (RFC 9110, 8.8.3).
"""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header, Response

from api.errors import ChangedMeanwhile
from api.routes.wire import Wire

_BYTES = 12


class Conditions:
    """What a writer says of the state that it changes: `If-Match: TAG`, or `If-None-Match: *` for "only if new"."""

    def __init__(
        self,
        if_none_match: Annotated[str | None, Header(max_length=4096, description="`*`: only if it is new.")] = None,
        if_match: Annotated[str | None, Header(max_length=4096, description="The ETag that the writer read.")] = None,
    ) -> None:
        self._known = _tags(if_none_match)
        self._meant = _tags(if_match)

    def check(self, read: Callable[[], Wire | None]) -> None:
        """Let a change happen only to the state that the writer means.

        `read` gives what is there now, None where there is nothing yet, in the transaction of the change; it is asked
        only where the writer set a condition.

        Raises:
            ChangedMeanwhile: it means another state.
        """
        if not self._known and not self._meant:
            return
        present = read()
        tag = None if present is None else tag_of(_bytes(present))
        if tag is not None and ("*" in self._known or tag in self._known):
            raise ChangedMeanwhile("It exists already.", "Leave `If-None-Match` out to replace it.")
        if self._meant and not (tag is not None and ("*" in self._meant or tag in self._meant)):
            remedy = "Read it again, make the change on what it is now, and send its new ETag in `If-Match`."
            raise ChangedMeanwhile("It is not in the state that `If-Match` names.", remedy)


ReadersTag = Annotated[
    str | None, Header(alias="If-None-Match", max_length=4096, description="Tags that the reader has already: 304.")
]
Meant = Annotated[Conditions, Depends()]


def tagged(answer: Wire, known: str | None = None) -> Response:
    """Answer with an ETag, or with 304 and no body where the reader has that state already."""
    body = _bytes(answer)
    headers = {"ETag": tag_of(body), "Cache-Control": "private, no-cache"}
    tags = _tags(known)
    if headers["ETag"] in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def tag_of(body: bytes) -> str:
    """The tag of an answer's bytes."""
    return f'"{hashlib.blake2b(body, digest_size=_BYTES).hexdigest()}"'


def _bytes(answer: Wire) -> bytes:
    return answer.model_dump_json(by_alias=True).encode()


def _tags(header: str | None) -> frozenset[str]:
    """The tags of a header; a weak one is as good, since our answers are compared byte by byte."""
    return frozenset(tag.strip().removeprefix("W/") for tag in (header or "").split(",") if tag.strip())
