"""Pages of the log, read in part: what the join asks of them, which costs a fraction of the whole record."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, select

from api.storage.columns import chunks
from api.storage.tables import pages, titles
from artwork.catalog import TitleId
from bandit.decision import Page, PageId

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class RequestPart(msgspec.Struct, frozen=True, gc=False):
    """Of a page's request: the kind of row."""

    row: str | None = None


class SlotPart(msgspec.Struct, frozen=True, gc=False):
    """Of a slot: its title."""

    title: TitleId


class PagePart(msgspec.Struct, frozen=True, gc=False):
    """Of a page: its id, when it was decided, for which row, which titles."""

    page: PageId
    at: datetime
    request: RequestPart
    slots: tuple[SlotPart, ...]

    @classmethod
    def unknown(cls, page: PageId) -> "PagePart":
        """Return what stands for a page that never came into the log: it has no slot, and waits for nothing."""
        return cls(page, _LONG_AGO, RequestPart(), ())


def part_of(page: Page) -> PagePart:
    """Return the same of a page that was read whole."""
    return PagePart(
        page.page, page.at, RequestPart(page.request.row), tuple(SlotPart(each.title) for each in page.slots)
    )


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
