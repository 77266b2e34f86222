"""The decision log, read: single pages, stored answers, and the whole log as a stream. `decision_log.py` writes it.

Pages are ordered by id. An id is a UUIDv7, so this is the order in which pages were decided, to the millisecond.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, bindparam, func, literal, select, union_all
from uuid_utils import uuid7

from api.errors import UnknownDecision
from api.storage.columns import chunks
from api.storage.database import reading
from api.storage.repeat_tables import repeats
from api.storage.repeats import page_name
from api.storage.tables import pages
from bandit.decision import Page, PageId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGES_A_READ = 500
AHEAD_MS = 60_000
"""How far the ids of pages may be ahead of the clock: what a clock is usually corrected by."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Page)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a request with an idempotency key was answered, byte for byte, and the digest of that request, sealed.

    Pages of before migration 0011 have none.
    """

    request_digest: str | None
    response: bytes


def new_page_id() -> PageId:
    """Return a new id: unique, and greater than all that this process made before, but where the clock was set back.

    A UUIDv7 never goes back by itself: after a clock that was days ahead it would name days to come, for days.
    """
    now = time.time_ns()
    page = uuid7().hex
    if int(page[:12], 16) - now // 1_000_000 > AHEAD_MS:
        page = uuid7(nanoseconds=now).hex
    return PageId(page)


def page_id_at(at: datetime) -> PageId:
    """Return the least id that a page decided at `at` can have: a bound for `since` and `until`."""
    return PageId(f"{(at - EPOCH) // timedelta(milliseconds=1):012x}70008{'0' * 15}")


def decided_at(page: PageId) -> datetime:
    """Return when a page was decided, by the clock of the server, to the millisecond."""
    return EPOCH + timedelta(milliseconds=int(page[:12], 16))


def encode_page(page: Page) -> bytes:
    """Return the page as MessagePack."""
    return _encoder.encode(page)


def decode_page(body: bytes) -> Page:
    """Return the page that `encode_page` wrote."""
    return _decoder.decode(body)


def find_page(connection: Connection, page: PageId) -> Page:
    """Return a logged page.

    Raises:
        UnknownDecision: the log has none of this id.
    """
    body = connection.scalar(select(pages.c.body).where(pages.c.page == page))
    if body is None:
        raise UnknownDecision(f"The page {page} is not in the log.", "Pages answered with logged: false are not kept.")
    return decode_page(body)


def stored_answers(connection: Connection, keys: Iterable[str]) -> dict[str, StoredAnswer]:
    """Return what was answered under those of the keys that are not new.

    An answer that was not logged goes before a page of the same key: that page was withdrawn, and nobody was shown it.
    """
    found: dict[str, StoredAnswer] = {}
    for chunk in chunks(keys):
        named = {page_name(key): key for key in chunk}
        rows = connection.execute(_ANSWERED, {"keys": chunk, "names": [*named]})
        for logged, key, digest, response in sorted(rows, reverse=True):
            found[key if logged else named[key]] = StoredAnswer(digest, response)
    return found


_ANSWERED = union_all(
    select(literal(1), pages.c.idempotency_key, pages.c.request_digest, pages.c.response).where(
        pages.c.idempotency_key.in_(bindparam("keys", expanding=True))
    ),
    select(literal(0), repeats.c.key, repeats.c.digest, repeats.c.body).where(
        repeats.c.key.in_(bindparam("names", expanding=True)), repeats.c.body.is_not(None)
    ),
)
"""Made once: it is on the path of every page with a key."""


def last_page(connection: Connection) -> PageId | None:
    """Return the id of the newest page: the watermark of a log that is read up to here."""
    newest = connection.scalar(select(pages.c.page).order_by(pages.c.page.desc()).limit(1))
    return None if newest is None else PageId(newest)


def page_before(connection: Connection, *, until: PageId, back: int) -> PageId | None:
    """Return the id of the page that is `back` pages before the newest one up to `until`; None: there are fewer."""
    counted = select(pages.c.page).where(pages.c.page <= until).order_by(pages.c.page.desc()).offset(back).limit(1)
    found = connection.scalar(counted)
    return None if found is None else PageId(found)


def count_decisions(connection: Connection) -> tuple[int, int]:
    """Count the logged pages and their decisions. It walks over the log."""
    counted = select(func.count(), func.coalesce(func.sum(pages.c.slots), 0)).select_from(pages)
    row = connection.execute(counted).one()
    return row[0], row[1]


def read_pages(
    engine: Engine, *, since: PageId | None = None, until: PageId | None = None, batch: int = PAGES_A_READ
) -> Iterator[Page]:
    """Yield the pages with `since` < id ≤ `until`, in the order of their ids.

    Holds `batch` pages at a time, and no transaction between two batches.
    """
    last = since
    while True:
        bounded = select(pages.c.page, pages.c.body).where(*within(last, until)).order_by(pages.c.page).limit(batch)
        with reading(engine) as connection:
            rows = connection.execute(bounded).all()
        if not rows:
            return
        yield from (decode_page(body) for _, body in rows)
        last = PageId(rows[-1][0])


def within(since: PageId | None, until: PageId | None) -> list[ColumnElement[bool]]:
    """Return the conditions for pages with `since` < id ≤ `until`."""
    after = [] if since is None else [pages.c.page > since]
    return after if until is None else [*after, pages.c.page <= until]
