"""Viewers who are given another pseudonym: their events, vectors and exclusions move over. Knows no key.

Pages keep the pseudonym that they were drawn with: it is part of the draw's key (C6), and of who is held out.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from api.storage.columns import insert_missing
from api.storage.privacy_tables import excluded_viewers
from api.storage.tables import PSEUDONYM, events, viewer_vectors, viewers
from foundation.events import ViewerId


def viewers_named_before(connection: Connection, letter: str, *, limit: int) -> list[ViewerId]:
    """Return viewers whose pseudonym sorts before `letter`, so is of an older generation; one look at the index."""
    older = select(viewers.c.viewer).where(viewers.c.viewer < letter).order_by(viewers.c.viewer).limit(limit)
    return [ViewerId(viewer) for viewer in connection.scalars(older)]


def excluded_before(connection: Connection, letter: str) -> list[ViewerId]:
    """Return the excluded viewers whose pseudonym sorts before `letter`."""
    older = select(excluded_viewers.c.viewer).where(excluded_viewers.c.viewer < letter)
    return [ViewerId(viewer) for viewer in connection.scalars(older.order_by(excluded_viewers.c.viewer))]


def rename_viewers(connection: Connection, names: Mapping[ViewerId, ViewerId]) -> None:
    """Move what is known of viewers (old → new) over; what is known under the new name stays and is added to."""
    pairs = [{"old": old, "new": new} for old, new in sorted(names.items()) if old != new]
    if not pairs:
        return
    seen = dict(_seen(connection, [pair["old"] for pair in pairs]))
    insert_missing(
        connection,
        viewers,
        [{"viewer": pair["new"], "first_seen_at": seen[pair["old"]][0], "events": 0} for pair in pairs],
    )
    old, new = bindparam("old", type_=PSEUDONYM), bindparam("new", type_=PSEUDONYM)
    connection.execute(update(events).where(events.c.viewer == old).values(viewer=new), pairs)
    grown = update(viewers).where(viewers.c.viewer == new).values(events=viewers.c.events + bindparam("more"))
    connection.execute(grown, [{"new": pair["new"], "more": seen[pair["old"]][1]} for pair in pairs])
    both = viewer_vectors.alias()
    known = exists().where(both.c.viewer == new, both.c.foundation_version == viewer_vectors.c.foundation_version)
    connection.execute(update(viewer_vectors).where(viewer_vectors.c.viewer == old, ~known).values(viewer=new), pairs)
    connection.execute(delete(viewers).where(viewers.c.viewer == old), [{"old": pair["old"]} for pair in pairs])


def exclude_also(connection: Connection, names: Mapping[ViewerId, ViewerId]) -> None:
    """Leave out under a new name whoever is left out under the old one, whose pages keep the old one."""
    held = select(excluded_viewers).where(excluded_viewers.c.viewer.in_(names))
    rows = [dict(row) for row in connection.execute(held).mappings()]
    insert_missing(connection, excluded_viewers, [{**row, "viewer": names[row["viewer"]]} for row in rows])


def _seen(connection: Connection, wanted: list[ViewerId]) -> list[tuple[ViewerId, tuple[datetime, int]]]:
    read = select(viewers.c.viewer, viewers.c.first_seen_at, viewers.c.events).where(viewers.c.viewer.in_(wanted))
    return [(ViewerId(viewer), (at, count)) for viewer, at, count in connection.execute(read.with_for_update())]
