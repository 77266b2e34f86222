"""Pages of the log, read in part: what the join asks of them, which costs a fraction of the whole record."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from api.storage.columns import chunks
from api.storage.tables import pages, titles
from artwork.catalog import TitleId
from bandit.decision import PageId


class RequestPart(msgspec.Struct, frozen=True):
    """Of a page's request: the kind of row."""

    row: str | None = None


class SlotPart(msgspec.Struct, frozen=True):
    """Of a slot: its title."""

    title: TitleId


class PagePart(msgspec.Struct, frozen=True):
    """Of a page: its id, when it was decided, for which row, which titles."""

    page: PageId
    at: datetime
    request: RequestPart
    slots: tuple[SlotPart, ...]

    @classmethod
    def unknown(cls, page: PageId, *, at: datetime) -> "PagePart":
        """Return what stands for a page that is not in the log: it has no slot."""
        return cls(page, at, RequestPart(), ())


def find_page_parts(connection: Connection, wanted: Sequence[PageId]) -> dict[PageId, PagePart]:
    """Return those of the `wanted` pages that are in the log."""
    found: dict[PageId, PagePart] = {}
    for chunk in chunks(wanted):
        for body in connection.execute(select(pages.c.body).where(pages.c.page.in_(chunk))).scalars():
            part = decode_part(body)
            found[part.page] = part
    return found


def runtimes_of(connection: Connection, wanted: Sequence[TitleId]) -> dict[TitleId, float]:
    """Return how long titles last, in seconds, of those that are known to have a length."""
    found: dict[TitleId, float] = {}
    for chunk in chunks(sorted(set(wanted))):
        known = select(titles.c.title, titles.c.runtime_seconds).where(titles.c.title.in_(chunk))
        rows = connection.execute(known.where(titles.c.runtime_seconds.is_not(None)))
        found.update({TitleId(title): float(seconds) for title, seconds in rows})
    return found


decode_part = msgspec.msgpack.Decoder(PagePart).decode
