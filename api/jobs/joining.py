"""The job that joins decisions with their outcomes into rewards. Harmless to repeat; loses nothing when it dies."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from api.jobs.valuing import value_pages
from api.storage.database import reading, transaction
from api.storage.due import DuePage, find_due, mark_due, postpone, settle, unchanged
from api.storage.log_days import touch_days
from api.storage.page_parts import PagePart, find_page_parts
from api.storage.pages import decided_at
from api.storage.rewards import PageRewards, changes_of, find_rewards, put_rewards, valued_pages
from api.storage.tallies import Term, tally
from bandit.decision import PageId
from bandit.rewards import RewardWindows

PATIENCE = timedelta(days=1)
"""How long outcomes wait for a decision that is not in the log yet; then it never will be."""

ASK_AGAIN = timedelta(seconds=30)
PAGES_AT_ONCE = 250
"""So few that the decision log waits for the write lock for some 20 milliseconds."""
PAGES_MARKED_AT_ONCE = 2000


def join_rewards(engine: Engine, *, windows: RewardWindows, now: datetime) -> int:
    """Value the pages that are due, some hundreds of them, and return how many were looked at; 0 when none is due.

    Reads first and writes afterwards, in a short transaction of its own: the decision log waits for the write lock. An
    outcome later than its page's window is kept and not counted; with a zero window none is too late.
    A page is valued under every definition, and once more when its window ends, whether outcomes came or not: its
    rewards are final then, and only outcomes that happened in time and are reported later still change them.

    Raises:
        StorageUnavailable: nothing was changed.
    """
    with reading(engine) as connection:
        found = find_due(connection, now=now, limit=PAGES_AT_ONCE, longest=windows.longest)
        if not found:
            return 0
        wanted = [each.page for each in found]
        parts = find_page_parts(connection, wanted)
        given_up = [PagePart.unknown(page) for page in wanted if page not in parts and _is_late(page, now=now)]
        valued = {
            each.page: each for each in value_pages(connection, [*parts.values(), *given_up], windows=windows, now=now)
        }
        before = find_rewards(connection, wanted)
    with transaction(engine) as connection:
        due = unchanged(connection, found)
        put_back = _put_back(due, valued, parts, windows=windows, now=now)
        _write(connection, [valued[each.page] for each in due if each.page in valued], before)
        postpone(connection, put_back)
        settle(connection, [each.page for each in due if each.page not in put_back])
    return len(found)


def value_again(engine: Engine, *, now: datetime, since: PageId | None = None) -> int:
    """Let every page after `since` that outcomes came for be valued again, and return how many those are.

    After another window was set, a title's length was corrected, or a definition came in. Some thousand pages a
    transaction, so the decision log hardly waits; `join_rewards` does the rest. Harmless to repeat.

    Raises:
        StorageUnavailable: some pages may be due already.
    """
    marked, last = 0, since
    while True:
        with reading(engine) as connection:
            touched = valued_pages(connection, since=last, limit=PAGES_MARKED_AT_ONCE)
        if not touched:
            return marked
        with transaction(engine) as connection:
            mark_due(connection, touched, now=now)
        marked, last = marked + len(touched), touched[-1]


def _is_late(page: PageId, *, now: datetime) -> bool:
    """Whether a page that is not in the log will never be: its outcomes belong to no slot then."""
    return now - decided_at(page) >= PATIENCE


def _put_back(
    due: Iterable[DuePage],
    valued: Mapping[PageId, PageRewards],
    parts: Mapping[PageId, PagePart],
    *,
    windows: RewardWindows,
    now: datetime,
) -> dict[PageId, datetime]:
    """When pages are to be looked at again: at the end of their window, or when their decision may have come."""
    until: dict[PageId, datetime] = {}
    for each in due:
        known = valued.get(each.page)
        if known is None:
            until[each.page] = now + ASK_AGAIN
        elif not known.final:
            part = parts[each.page]
            ends = windows.ends(part.at, part.request.row) or now
            until[each.page] = min(
                ends, now + windows.longest
            )  # a page of a clock that was ahead is looked at meanwhile
    return until


def _write(connection: Connection, valued: Sequence[PageRewards], before: Mapping[PageId, PageRewards]) -> None:
    """Keep rewards, and change the counts by what they change."""
    known = [before[each.page] for each in valued if each.page in before]
    counted = Counter[str]()
    for each in valued:
        counted.update(_terms(each))
        counted.subtract(_terms_before(before.get(each.page), each))
    put_rewards(connection, [_grown(each, before.get(each.page)) for each in valued])
    touch_days(connection, [each.page for each in valued])
    tally(connection, {**counted, **changes_of(known, valued)})


def _grown(valued: PageRewards, before: PageRewards | None) -> PageRewards:
    return valued if before is None else valued.revised(before.revision + 1)


def _terms(valued: PageRewards) -> dict[str, int]:
    """What a page counts for, of its decisions and of its outcomes."""
    outcomes = {Term.MATCHED: valued.matched, Term.LATE: valued.late, Term.REJECTED: valued.rejected}
    if not valued.final:
        return {**outcomes, Term.OPEN: valued.slots}
    unseen = valued.slots - valued.rewarded - valued.defaulted
    return {**outcomes, Term.REWARDED: valued.rewarded, Term.DEFAULTED: valued.defaulted, Term.UNSEEN: unseen}


def _terms_before(before: PageRewards | None, after: PageRewards) -> dict[str, int]:
    """What the page counted for so far: its outcomes that were not joined yet wait, its decisions are open."""
    told = after.matched + after.late + after.rejected
    if before is None:
        return {Term.WAITING: told, Term.OPEN: after.slots}
    terms = _terms(before)
    terms[Term.WAITING] = told - before.matched - before.late - before.rejected
    if not before.slots:  # it was given up, and came into the log after all
        terms[Term.OPEN] = after.slots
    return terms
