"""The types that all wire models share: ids, texts, times, numbers. Unknown fields, NaN and infinity are refused."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)


class Wire(BaseModel):
    """A body on the wire: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed: remove them")
    return text


def _no_number(at: object) -> object:
    """Pydantic would read 2026 as so many seconds after 1970."""
    digits = at.strip().replace(".", "", 1).lstrip("+-") if isinstance(at, str) else ""
    if isinstance(at, int | float) or digits.isdigit():
        raise ValueError("write a time with its offset, such as 2026-01-31T18:00:00Z; a number is none")
    return at


def _number_itself(value: object) -> object:
    """Pydantic would read true as 1 and "7" as 7; 7.0 is a whole number in JSON."""
    if isinstance(value, str | bool):
        raise ValueError("write a whole number, without quotes")
    return value


_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


def _language_tag(text: str) -> str:
    """What is none would be kept, and match no request for ever."""
    if _TAG.fullmatch(text) is None:
        raise ValueError("this is no locale: write a language tag such as fr, fr-CA or zh-Hant")
    return text


def _plain_digits(text: object) -> object:
    """Pydantic would read `1_000`, `+7` and `7.0` as whole numbers."""
    if isinstance(text, str) and not (text.isascii() and text.isdigit()):
        raise ValueError("write a whole number in digits alone")
    return text


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""What is further off is a mistake: milliseconds for seconds, or a clock that was never set."""


def to_utc(at: datetime) -> datetime:
    """Return a time in UTC; raises ValueError where it is too far off to be meant."""
    try:
        there = at.astimezone(UTC)
    except OverflowError:
        there = LATEST
    if not EARLIEST <= there < LATEST:
        raise ValueError("the time lies outside the years 1970 to 2199: see that the clock and the unit are right")
    return there


CatalogueId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
"""The id of a title or an artwork: letters, digits, `.`, `_` and `-`, at most 128 characters."""

OpaqueId = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_printable)]
"""An id that the caller made: of a viewer, an event or a decision. At most 256 printable characters."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_printable)]
"""A short value such as a device or the kind of a row. At most 64 printable characters."""

Locale = Annotated[str, StringConstraints(max_length=64), AfterValidator(_language_tag)]
"""A language, with or without region and script, that something is meant for: `fr`, `fr-CA`, `zh-Hant`."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_printable)]
"""A name or a label. At most 500 printable characters."""

Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(to_utc)]
"""An RFC 3339 time with its offset; kept as UTC."""

Flag = Annotated[bool, Strict()]
"""true or false; neither 1 nor "yes"."""

Whole = Annotated[int, BeforeValidator(_number_itself)]
"""A whole number; neither text nor true."""

Digits = Annotated[int, BeforeValidator(_plain_digits)]
"""A whole number in an address or a header: digits and nothing else."""

Real = Annotated[float, Strict()]
"""A number; neither text nor true."""

Seconds = Annotated[Real, Field(ge=0, le=10_000_000, allow_inf_nan=False)]
"""A duration in seconds."""


class Refusal(Wire):
    """One item of a batch that was not taken, and why; the others were."""

    event: str
    reason: str


class BatchAnswer(Wire):
    """What became of a batch of events or outcomes. A 2xx answer means that the accepted ones are durable."""

    accepted: int
    duplicates: int
    rejected: list[Refusal]
