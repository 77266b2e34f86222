"""The one shape of every list: `limit` and `cursor` in the query, `next` in the answer. Knows no list.

A cursor says where the next part begins, by the last thing that was given: what is added or taken away in between moves
nothing. It is opaque: a caller sends back what it was given, and reads nothing out of it.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Query

from api.errors import BadInput
from api.routes.wire import Digits

MOST = 1000
USUAL = 100
Number = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
"""A number in a cursor: of a row, which no database counts further."""

Microseconds = Annotated[int, msgspec.Meta(ge=0, le=230 * 366 * 86_400 * 10**6)]
"""A time in a cursor: microseconds since 1970."""

Name = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[A-Za-z0-9._-]*$")]
"""An id in a cursor."""

Limit = Annotated[Digits, Query(ge=1, le=MOST, description="How many to give at most.")]
Cursor = Annotated[str | None, Query(max_length=1024, description="The `next` of the part before; none: the first.")]

Item = TypeVar("Item")
Place = TypeVar("Place")


def cursor_of(listed: str, *place: str | int) -> str:
    """Return the cursor that leads on behind `place` in the list called `listed`."""
    return base64.urlsafe_b64encode(msgspec.json.encode([listed, *place])).decode().rstrip("=")


def place_of(cursor: str, listed: str, kind: type[Place]) -> Place:
    """Return the place that a cursor of the list `listed` holds, as a tuple of type `kind`.

    Raises:
        BadInput: it is no cursor, or one of another list.
    """
    try:
        said = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        name, *place = msgspec.json.decode(said, type=list[Any])
        if name != listed:
            raise ValueError(name)
        return msgspec.convert(place, kind)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        remedy = "Send the `next` of this list's answer, or no cursor for its beginning."
        raise BadInput("The cursor is none of this list.", remedy) from error


def part_of(found: Sequence[Item], limit: int) -> tuple[Sequence[Item], Item | None]:
    """Split one item more than was asked for: what is given, and the last of it where more follows."""
    if len(found) <= limit:
        return found, None
    return found[:limit], found[limit - 1]
