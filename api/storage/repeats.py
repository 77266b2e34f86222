"""Answers to requests that came with an idempotency key, so that a repeated request changes nothing twice.

A key is written down before its change is begun and gets its answer afterwards. One that has none ended in between:
what became of its change is then told by the present state only.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from api.storage.columns import chunks, insert_missing, inserting
from api.storage.repeat_tables import repeats
from api.storage.tables import pages
from bandit.decision import PageId

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A request under a key: `digest` tells it from others; `status` and `body` are None until it was answered."""

    digest: str
    status: int | None = None
    body: bytes | None = None


def begin(connection: Connection, key: str, *, digest: str, now: datetime) -> Repeat | None:
    """Write a key down; return None for a new one, else what is known of the request that came with it first.

    Keys older than a day are forgotten.
    """
    connection.execute(delete(repeats).where(repeats.c.at < now - KEPT))
    once = inserting(connection, repeats).on_conflict_do_nothing(index_elements=["key"])
    row = {"key": key, "digest": digest, "at": now}
    if connection.execute(once.returning(repeats.c.key), row).scalar_one_or_none() is not None:
        return None
    known = connection.execute(select(repeats).where(repeats.c.key == key)).mappings().one_or_none()
    if known is None:  # PostgreSQL: it was given back, or forgotten, between the two statements
        return begin(connection, key, digest=digest, now=now)
    return Repeat(digest=known["digest"], status=known["status"], body=known["body"])


def keep_answers(connection: Connection, answers: Mapping[str, Repeat], *, now: datetime) -> None:
    """Keep, for a day, what requests for pages were answered that no log knows; by their idempotency keys.

    The first answer under a key stays.
    """
    connection.execute(delete(repeats).where(repeats.c.at < now - KEPT))
    rows = [
        {"key": page_name(key), "digest": each.digest, "status": each.status, "body": each.body, "at": now}
        for key, each in answers.items()
    ]
    insert_missing(connection, repeats, rows)


def logged_otherwise(connection: Connection, withdrawn: Mapping[str, PageId | None]) -> set[str]:
    """Return those of the keys under which the log holds another page than the one that was `withdrawn`, if any was.

    That page was shown, to a request with the same key.
    """
    found: set[str] = set()
    for chunk in chunks(withdrawn):
        held = select(pages.c.idempotency_key, pages.c.page).where(pages.c.idempotency_key.in_(chunk))
        found |= {key for key, page in connection.execute(held) if page != withdrawn[key]}
    return found


def page_name(key: str) -> str:
    """Return what the answer to a request for a page is kept under."""
    return hashlib.sha256(b"page:" + key.encode(errors="surrogatepass")).hexdigest()


def finish(connection: Connection, key: str, *, status: int, body: bytes) -> None:
    """Keep the answer under a key."""
    connection.execute(update(repeats).where(repeats.c.key == key).values(status=status, body=body))


def forget(connection: Connection, key: str) -> None:
    """Take a key back whose request was refused: nothing was changed, so it may be sent again."""
    connection.execute(delete(repeats).where(repeats.c.key == key))
