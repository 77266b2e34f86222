"""The job that erases viewers: database, exports, and what files still hold. Harmless to repeat; goes on where it died.

Order matters: pages and events go first, so an export that is written again finds nothing; then the export files; then
the pseudonyms in the erasure itself; last what is left in the database's own files.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from api.jobs.export_folder import exports_of
from api.jobs.redacting import redact
from api.security import Keys, load_keys
from api.settings import Settings
from api.storage.audit_log import WORKER, record
from api.storage.database import reading, transaction
from api.storage.erasure import (
    Erasure,
    add_names,
    end_erasure,
    find_erasure,
    forget_whom,
    note_progress,
    open_erasures,
    pages_of,
    remove_events,
    remove_viewers,
)
from api.storage.removal import remove_pages
from api.storage.scrubbing import scrub

PAGES_AT_ONCE = 50
"""So few that the decision log waits for the write lock for some 50 milliseconds at most."""


def erase_waiting(engine: Engine, settings: Settings, *, also: Sequence[Path] = ()) -> list[Erasure]:
    """Carry out every erasure that has not ended, and return them as they are then.

    `also` are folders of exports besides those of the settings.

    Raises:
        StorageUnavailable, BadInput: one could not be ended; it is still written down, and goes on the next time.
    """
    keys = load_keys(settings)
    with reading(engine) as connection:
        waiting = open_erasures(connection)
    folders = [exports_of(settings), *also]
    return [_erase(engine, _under_newer_names(engine, each, keys), folders) for each in waiting]


def _under_newer_names(engine: Engine, erasure: Erasure, keys: Keys) -> Erasure:
    """The erasure with the names that its viewer was given since: a server that asked for it may know fewer secrets."""
    newer = {name: None for each in erasure.viewers for name in keys.later_names(each)}
    missing = [name for name in newer if name not in erasure.viewers]
    if not missing:
        return erasure
    with transaction(engine) as connection:
        add_names(connection, erasure, missing)
        return find_erasure(connection, erasure.erasure)


def _erase(engine: Engine, erasure: Erasure, folders: Sequence[Path]) -> Erasure:
    if erasure.viewers:
        _remove_pages(engine, erasure)
        _remove_viewers(engine, erasure)
        _remove_exported(engine, erasure, folders)
        with transaction(engine) as connection:
            forget_whom(connection, erasure.erasure)
    scrub(engine, erasure.viewers)
    now, subject = datetime.now(UTC), f"erasure/{erasure.erasure}"
    with transaction(engine) as connection:
        first = end_erasure(connection, erasure.erasure, now=now)
        ended = find_erasure(connection, erasure.erasure)
        if first:
            told = {"pages": ended.pages, "events": ended.events, "export_rows": ended.export_rows}
            record(connection, actor=WORKER.actor, action="erasure.end", subject=subject, after=told, now=now)
    return ended


def _remove_pages(engine: Engine, erasure: Erasure) -> None:
    last = erasure.read_until
    while True:
        with reading(engine) as connection:
            found = pages_of(connection, erasure.viewers, after=last, limit=PAGES_AT_ONCE)
        if not found:
            return
        last = found[-1]
        with transaction(engine) as connection:
            removed = remove_pages(connection, found)
            note_progress(connection, erasure.erasure, pages=removed, until=last)


def _remove_viewers(engine: Engine, erasure: Erasure) -> None:
    while True:
        with transaction(engine) as connection:
            removed = remove_events(connection, erasure.viewers)
            if not removed:
                remove_viewers(connection, erasure.viewers)
                return
            note_progress(connection, erasure.erasure, events=removed)


def _remove_exported(engine: Engine, erasure: Erasure, folders: Sequence[Path]) -> None:
    removed = redact(folders, erasure.viewers)
    if removed:
        with transaction(engine) as connection:
            note_progress(connection, erasure.erasure, rows=removed)
