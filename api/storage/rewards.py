"""What decisions are worth, and which pages are due to be valued (again). Knows no reward function.

A page becomes due with each batch of outcomes. Whoever values it reads first, then writes, in another, short
transaction, what is still `unchanged`, and settles it. If outcomes came meanwhile, or somebody else was faster, nothing
is written. So a worker that dies, or two that race, lose nothing; two at the same pages only do work twice.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, case, delete, exists, func, select, update

from api.storage.columns import chunks, inserting, upsert
from api.storage.database import reading
from api.storage.pages import PAGES_A_READ, decode_page, within
from api.storage.tables import due_pages, pages, rewards
from bandit.decision import PageId, Reward, RewardedDecision
from bandit.rewards import ValuedDecision


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page to be valued; `changes` counts the batches that touched it, as far as its reader knows.

    Settling a page and touching it again begins a new count, so it takes `due_at` too to tell that nothing happened.
    """

    page: PageId
    changes: int
    due_at: datetime


def mark_due(connection: Connection, touched: Collection[PageId], *, now: datetime) -> None:
    """Let pages be valued from `now` on."""
    rows = [{"page": page, "due_at": now, "changes": 1} for page in sorted(touched)]
    for chunk in chunks(rows):
        statement = inserting(connection, due_pages)
        again = {"due_at": statement.excluded.due_at, "changes": due_pages.c.changes + 1}
        connection.execute(statement.on_conflict_do_update(index_elements=["page"], set_=again), chunk)


def find_due(connection: Connection, *, now: datetime, limit: int = PAGES_A_READ) -> list[DuePage]:
    """Return pages that are due, those that have been so longest first."""
    due = (
        select(due_pages.c.page, due_pages.c.changes, due_pages.c.due_at)
        .where(due_pages.c.due_at <= now)
        .order_by(due_pages.c.due_at, due_pages.c.page)
        .limit(limit)
    )
    return [DuePage(PageId(page), changes, due_at) for page, changes, due_at in connection.execute(due)]


def unchanged(connection: Connection, found: Sequence[DuePage]) -> list[DuePage]:
    """Return those of the `found` pages that are as they were found; they stay so until this transaction ends.

    Put the rewards of these, and settle or postpone them, in the same transaction.
    """
    kept: set[DuePage] = set()
    for chunk in chunks(sorted(each.page for each in found)):
        now_due = select(due_pages.c.page, due_pages.c.changes, due_pages.c.due_at).where(due_pages.c.page.in_(chunk))
        rows = connection.execute(now_due.order_by(due_pages.c.page).with_for_update())
        kept.update(DuePage(PageId(page), changes, due_at) for page, changes, due_at in rows)
    return [each for each in found if each in kept]


def settle(connection: Connection, valued: Sequence[DuePage]) -> None:
    """Take valued pages off, but for those that outcomes came for since they were taken."""
    if valued:
        same = (due_pages.c.page == bindparam("one"), due_pages.c.changes == bindparam("known"))
        rows = [{"one": each.page, "known": each.changes} for each in valued]
        connection.execute(delete(due_pages).where(*same), rows)


def postpone(connection: Connection, early: Collection[PageId], *, until: datetime) -> None:
    """Let pages be valued again at `until`: their decision is not in the log yet, or their reward is not final."""
    for chunk in chunks(sorted(early)):
        connection.execute(update(due_pages).where(due_pages.c.page.in_(chunk)).values(due_at=until))


def put_rewards(connection: Connection, valued: Iterable[Reward]) -> None:
    """Keep rewards, over those of the same decision and definition."""
    upsert(connection, rewards, (asdict(each) for each in valued))


def rewards_of(connection: Connection, page: PageId) -> list[Reward]:
    """Return the rewards of a page under every definition, ordered by slot."""
    read = select(rewards).where(rewards.c.page == page).order_by(rewards.c.slot, rewards.c.definition)
    return [Reward(**row) for row in connection.execute(read).mappings()]


def valued_decisions(
    engine: Engine,
    *,
    definition: str,
    since: PageId | None = None,
    until: PageId | None = None,
    provisional: bool = False,
    batch: int = PAGES_A_READ,
) -> Iterator[ValuedDecision]:
    """Yield the decisions with a final reward under `definition` of the pages `since` < id ≤ `until`, by page and slot.

    Each comes with its rewards under every definition. With `provisional`, rewards that may still rise count too.
    Holds `batch` pages at a time, and no transaction between two batches.
    """
    counted = () if provisional else (rewards.c.final,)
    valued = exists().where(rewards.c.page == pages.c.page, rewards.c.definition == definition, *counted)
    last = since
    while True:
        found = select(pages.c.page, pages.c.body).where(valued, *within(last, until))
        read = found.order_by(pages.c.page).limit(batch)
        with reading(engine) as connection:
            bodies = {PageId(page): body for page, body in connection.execute(read)}
            values = _values(connection, list(bodies), counted)
        if not bodies:
            return
        decoded = {page: decode_page(body) for page, body in bodies.items()}
        for (page, slot), own in values.items():
            if definition in own:
                yield ValuedDecision(decoded[page], slot, own)
        last = max(bodies)


def rewarded_decisions(
    engine: Engine,
    *,
    definition: str,
    since: PageId | None = None,
    until: PageId | None = None,
    provisional: bool = False,
    batch: int = PAGES_A_READ,
) -> Iterator[RewardedDecision]:
    """Yield the same decisions with their reward under `definition` alone; see `valued_decisions`."""
    valued = valued_decisions(
        engine, definition=definition, since=since, until=until, provisional=provisional, batch=batch
    )
    return (RewardedDecision(each.page, each.slot, each.values[definition]) for each in valued)


def count_rewards(connection: Connection, definition: str) -> tuple[int, float]:
    """Count the rewards under `definition`, and return their mean (0 where there is none). It walks over the table."""
    valued = select(func.count(), func.coalesce(func.avg(rewards.c.value), 0.0)).where(
        rewards.c.definition == definition
    )
    row = connection.execute(valued).one()
    return row[0], float(row[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardCount:
    """How many decisions have a reward under a definition, how many of those may still rise, and the mean of all."""

    definition: str
    rewards: int
    provisional: int
    mean: float


def count_by_definition(connection: Connection) -> list[RewardCount]:
    """Count the rewards under every definition that has any, by name. It walks over the table."""
    final = func.sum(case((rewards.c.final, 1), else_=0))
    read = select(rewards.c.definition, func.count(), final, func.avg(rewards.c.value)).group_by(rewards.c.definition)
    return [
        RewardCount(definition=definition, rewards=count, provisional=count - settled, mean=float(mean))
        for definition, count, settled, mean in connection.execute(read.order_by(rewards.c.definition))
    ]


def count_due(connection: Connection) -> int:
    """Count the pages that are due now or later."""
    return connection.scalar(select(func.count()).select_from(due_pages)) or 0


def _values(
    connection: Connection, of: Sequence[PageId], counted: Sequence[ColumnElement[bool]]
) -> dict[tuple[PageId, int], dict[str, float]]:
    """`of` is sorted: its ends bound the rows to look at, so the query has two parameters for any number of pages."""
    if not of:
        return {}
    read = (
        select(rewards.c.page, rewards.c.slot, rewards.c.definition, rewards.c.value)
        .where(rewards.c.page.between(of[0], of[-1]), *counted)
        .order_by(rewards.c.page, rewards.c.slot, rewards.c.definition)
    )
    known = set(of)
    found: dict[tuple[PageId, int], dict[str, float]] = {}
    for page, slot, definition, value in connection.execute(read):
        if page in known:
            found.setdefault((PageId(page), slot), {})[definition] = value
    return found
