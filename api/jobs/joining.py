"""The job that joins decisions with their outcomes into rewards. Harmless to repeat; loses nothing when it dies."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from api.errors import UnknownTitle
from api.storage.catalog import find_title
from api.storage.database import transaction
from api.storage.outcomes import outcomes_of
from api.storage.pages import decided_at, find_pages
from api.storage.rewards import DuePage, postpone, put_rewards, settle, take_due
from artwork.catalog import TitleId
from bandit.decision import Outcome, Page, Reward
from bandit.rewards import QUALITY_PLAY, quality_play

PATIENCE = timedelta(days=1)
"""How long outcomes wait for a decision that is not in the log yet; then it never will be."""

ASK_AGAIN = timedelta(seconds=30)


def join_rewards(engine: Engine, *, window: timedelta, now: datetime) -> int:
    """Value the pages that are due, up to a few hundred, and return how many were looked at; 0 when none is due.

    An outcome later than `window` after its decision is kept and not counted; with a zero window none is too late.
    A page is valued once more when its window ends: its rewards are final then.

    Raises:
        StorageUnavailable: nothing was changed.
    """
    with transaction(engine) as connection:
        due = take_due(connection, now=now)
        wanted = [each.page for each in due]
        pages = find_pages(connection, wanted)
        outcomes = outcomes_of(connection, wanted)
        runtimes = _runtimes(connection, pages.values())
        for page in pages.values():
            put_rewards(connection, _rewards(page, outcomes.get(page.page, []), runtimes, window=window, now=now))
        _put_back(connection, [each for each in due if each.page not in pages], now=now)
        open_until = {page.page: page.at + window for page in pages.values() if window and now < page.at + window}
        for page, ends in open_until.items():
            postpone(connection, [page], until=ends)
        settle(connection, [each for each in due if each.page in pages and each.page not in open_until])
    return len(due)


def _rewards(
    page: Page,
    outcomes: Iterable[Outcome],
    runtimes: dict[TitleId, int | None],
    *,
    window: timedelta,
    now: datetime,
) -> list[Reward]:
    ends = page.at + window if window else None
    own: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        if (ends is None or outcome.at <= ends) and outcome.slot < len(page.slots):
            own.setdefault(outcome.slot, []).append(outcome)
    final = ends is None or now >= ends
    values = {slot: quality_play(seen, runtime_seconds=runtimes[page.slots[slot].title]) for slot, seen in own.items()}
    return [
        Reward(page=page.page, slot=slot, definition=QUALITY_PLAY, value=value, final=final)
        for slot, value in values.items()
        if value is not None
    ]


def _runtimes(connection: Connection, pages: Iterable[Page]) -> dict[TitleId, int | None]:
    titles = {slot.title for page in pages for slot in page.slots}
    return {title: _runtime(connection, title) for title in titles}


def _runtime(connection: Connection, title: TitleId) -> int | None:
    try:
        return find_title(connection, title).runtime_seconds
    except UnknownTitle:
        return None


def _put_back(connection: Connection, orphans: Sequence[DuePage], *, now: datetime) -> None:
    """Let outcomes without a decision wait for it, as long as it may still come."""
    waiting = [each.page for each in orphans if now - decided_at(each.page) < PATIENCE]
    postpone(connection, waiting, until=now + ASK_AGAIN)
    settle(connection, [each for each in orphans if each.page not in waiting])
