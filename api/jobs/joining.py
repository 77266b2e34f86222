"""The job that joins decisions with their outcomes into rewards. Harmless to repeat; loses nothing when it dies."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from api.errors import UnknownTitle
from api.storage.catalog import find_title
from api.storage.database import reading, transaction
from api.storage.outcomes import outcomes_of, pages_with_outcomes
from api.storage.pages import decided_at, find_pages
from api.storage.rewards import DuePage, find_due, mark_due, postpone, put_rewards, settle, unchanged
from artwork.catalog import TitleId
from bandit.decision import Outcome, Page, PageId, Reward
from bandit.rewards import values_of

PATIENCE = timedelta(days=1)
"""How long outcomes wait for a decision that is not in the log yet; then it never will be."""

ASK_AGAIN = timedelta(seconds=30)
PAGES_AT_ONCE = 16
"""So few that the decision log waits for the write lock for some 50 milliseconds at most; a slot has three rewards."""
PAGES_MARKED_AT_ONCE = 1000


def join_rewards(engine: Engine, *, window: timedelta, now: datetime) -> int:
    """Value the pages that are due, some sixteen of them, and return how many were looked at; 0 when none is due.

    Reads first and writes afterwards, in a short transaction of its own: the decision log waits for the write lock. An
    outcome later than `window` after its decision is kept and not counted; with a zero window none is too late.
    A page is valued under every definition, and once more when its window ends: its rewards are final then, and only
    outcomes that are reported later still change them.

    Raises:
        StorageUnavailable: nothing was changed.
    """
    with reading(engine) as connection:
        found = find_due(connection, now=now, limit=PAGES_AT_ONCE)
        wanted = [each.page for each in found]
        pages = find_pages(connection, wanted)
        outcomes = outcomes_of(connection, wanted)
        runtimes = _runtimes(connection, pages.values())
    if not found:
        return 0
    rewards = {
        page.page: _rewards(page, outcomes.get(page.page, []), runtimes, window=window, now=now)
        for page in pages.values()
    }
    with transaction(engine) as connection:
        due = unchanged(connection, found)
        put_rewards(connection, [reward for each in due for reward in rewards.get(each.page, [])])
        _put_back(connection, [each for each in due if each.page not in pages], now=now)
        _settle(connection, [each for each in due if each.page in pages], pages, window=window, now=now)
    return len(found)


def value_again(engine: Engine, *, now: datetime, since: PageId | None = None) -> int:
    """Let every page after `since` that outcomes came for be valued again, and return how many those are.

    After another window was set, a title's length was corrected, or a definition came in. A thousand pages a
    transaction, so the decision log hardly waits; `join_rewards` does the rest. Harmless to repeat.

    Raises:
        StorageUnavailable: some pages may be due already.
    """
    marked, last = 0, since
    while True:
        with reading(engine) as connection:
            touched = pages_with_outcomes(connection, since=last, limit=PAGES_MARKED_AT_ONCE)
        if not touched:
            return marked
        with transaction(engine) as connection:
            mark_due(connection, touched, now=now)
        marked, last = marked + len(touched), touched[-1]


def _settle(
    connection: Connection, valued: Sequence[DuePage], pages: Mapping[PageId, Page], *, window: timedelta, now: datetime
) -> None:
    """Take pages off whose rewards are final; the others are valued again when their window ends."""
    open_until = {each.page: pages[each.page].at + window for each in valued}
    for page, ends in open_until.items():
        if window and now < ends:
            postpone(connection, [page], until=ends)
    settle(connection, [each for each in valued if not window or now >= open_until[each.page]])


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
    return [
        Reward(page=page.page, slot=slot, definition=definition, value=value, final=final)
        for slot, seen in own.items()
        for definition, value in values_of(seen, runtime_seconds=runtimes[page.slots[slot].title]).items()
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
