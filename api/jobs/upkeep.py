"""The jobs that keep the log lawful and honest, as rows of the schedule: erasing, retention, robots, jumps."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import Engine

from api.jobs.carrying import carry_over, is_to_be_carried
from api.jobs.erasing import erase_waiting
from api.jobs.export_folder import exports_of
from api.jobs.jumping import look_for_jumps
from api.jobs.leaping import held_back, remembered
from api.jobs.robots import ROBOTS, run_robots
from api.jobs.schedule import Report, ScheduledJob, Turn
from api.security import load_keys
from api.settings import Settings
from api.storage.audit_log import WORKER, record
from api.storage.database import reading, transaction
from api.storage.erasure import open_erasures
from api.storage.exclusions import remove_robot_days
from api.storage.removal import remove_pages
from api.storage.retention import old_pages, remove_old_events, viewers_after
from api.storage.title_days import remove_title_days

PAGES_AT_ONCE = 50
"""So few that the decision log waits for the write lock for some 50 milliseconds at most."""
VIEWERS_AT_ONCE = 100
_FILE_OF_A_DAY = "day=????-??-??.parquet"


def remove_what_is_old(engine: Engine, settings: Settings, *, now: datetime) -> str:
    """Delete what is older than KEYART_RETENTION_DAYS, in short transactions, and say what that was.

    Whole days (UTC) of pages with outcomes and rewards, events, vectors of viewers who have no event left, and export
    files under KEYART_HOME. Harmless to repeat; what dies half way goes on the next time.

    Raises:
        StorageUnavailable: some of it may be deleted.
    """
    if settings.retention_days is None:
        return "everything is kept for ever"
    last = now.date() - timedelta(days=settings.retention_days)
    before = datetime.combine(last, time(), now.tzinfo)
    pages = _remove_pages(engine, before)
    events = _remove_events(engine, before)
    with transaction(engine) as connection:
        remove_robot_days(connection, before=last)
        remove_title_days(connection, before=last)
    files = _remove_files(exports_of(settings), last)
    if pages or events or files:
        told = {"before": str(last), "pages": pages, "events": events, "files": files}
        with transaction(engine) as connection:
            record(connection, actor=WORKER.actor, action="log.retain", subject="log", after=told, now=now)
    return f"{pages:,} pages, {events:,} events and {files:,} files of before {last} were deleted"


def _remove_pages(engine: Engine, before: datetime) -> int:
    removed = 0
    while True:
        with reading(engine) as connection:
            found = old_pages(connection, before=before, limit=PAGES_AT_ONCE)
        if not found:
            return removed
        with transaction(engine) as connection:
            removed += remove_pages(connection, found)


def _remove_events(engine: Engine, before: datetime) -> int:
    removed, last = 0, None
    while True:
        with reading(engine) as connection:
            some = viewers_after(connection, last, limit=VIEWERS_AT_ONCE)
        if not some:
            return removed
        with transaction(engine) as connection:
            removed += remove_old_events(connection, some, before=before)
        last = some[-1]


def _remove_files(folder: Path, before: date) -> int:
    old = [path for path in folder.glob(_FILE_OF_A_DAY) if path.name < f"day={before}"]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


# What the schedule runs.


def _nothing_to_erase(turn: Turn) -> str | None:
    keys = load_keys(turn.settings)
    with reading(turn.engine) as connection:
        if open_erasures(connection):
            return None
        if is_to_be_carried(connection, keys):
            return None
    return "nobody is to be erased or carried over"


def _erase(turn: Turn) -> Report:
    carried, keys = 0, load_keys(turn.settings)
    while more := carry_over(turn.engine, keys):
        carried += more
    ended = erase_waiting(turn.engine, turn.settings)
    return Report(f"{len(ended):,} viewers erased, {carried:,} carried over to the newest secret")


def _retain(turn: Turn) -> Report:
    held = held_back(turn)
    return held or Report(remove_what_is_old(turn.engine, turn.settings, now=turn.now), remembered(turn.now))


def _jumps(turn: Turn) -> Report:
    found = look_for_jumps(turn.engine, turn.settings, now=turn.now)
    return Report(f"{len(found):,} titles jumped yesterday")


def _six_hourly(settings: Settings) -> timedelta | None:
    return timedelta(hours=6)


def _hourly(settings: Settings) -> timedelta | None:
    return timedelta(hours=1)


def _minutely(settings: Settings) -> timedelta | None:
    return timedelta(minutes=1)


def _hourly_if_limited(settings: Settings) -> timedelta | None:
    return None if settings.retention_days is None else timedelta(hours=1)


UPKEEP: tuple[ScheduledJob, ...] = (
    ScheduledJob(name="erase", every=_minutely, run=_erase, idle=_nothing_to_erase),
    ScheduledJob(name="retain", every=_hourly_if_limited, run=_retain),
    ScheduledJob(name=ROBOTS, every=_hourly, run=run_robots),
    ScheduledJob(name="jumps", every=_six_hourly, run=_jumps),
)
