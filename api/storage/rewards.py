"""What decisions are worth: one row a page, and the log as rows that can be learned from. Knows no reward function.

Rewards are derived from pages and outcomes (`api.jobs.joining`), so they can always be made again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Row, select

from api.storage.bulk import insert_many
from api.storage.columns import chunks
from api.storage.database import reading
from api.storage.joined_tables import page_rewards
from api.storage.pages import PAGES_A_READ, decode_page, within
from api.storage.tables import pages
from api.storage.tallies import read_tallies
from bandit.decision import PageId, Reward, RewardedDecision
from bandit.rewards import ValuedDecision
from bandit.valuing import SlotState


class RewardsBody(msgspec.Struct, frozen=True, array_like=True):
    """What a page's decisions are worth, as it is stored.

    `states` is one byte a slot, a `SlotState`. `values` are the rewards of the slots that are REWARDED, in order, each
    under all `definitions`: little-endian float64. DEFAULTED slots are worth 0.
    """

    definitions: tuple[str, ...]
    states: bytes
    values: bytes

    def matrix(self) -> NDArray[np.float64]:
        """`values` as (rewarded slots, definitions)."""
        return np.frombuffer(self.values, dtype="<f8").reshape(-1, len(self.definitions))

    def by_slot(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the slots that were seen, in order, with their rewards by definition."""
        rewarded = iter(self.matrix().tolist())
        for slot, state in enumerate(self.states):
            if state == SlotState.REWARDED:
                yield slot, dict(zip(self.definitions, next(rewarded), strict=True))
            elif state == SlotState.DEFAULTED:
                yield slot, dict.fromkeys(self.definitions, 0.0)


@dataclass(frozen=True)
class PageRewards:
    """A page's rewards, whether they are final, and what became of its outcomes; `revision` counts its valuations."""

    page: PageId
    final: bool
    body: RewardsBody
    matched: int
    late: int
    rejected: int
    revision: int = 1

    def revised(self, revision: int) -> "PageRewards":
        """Return the same as another revision."""
        return replace(self, revision=revision)

    @property
    def slots(self) -> int:
        """How many decisions the page has; none where outcomes name a page that never came into the log."""
        return len(self.body.states)

    @cached_property
    def rewarded(self) -> int:
        """How many slots were played."""
        return self.body.states.count(SlotState.REWARDED)

    @cached_property
    def defaulted(self) -> int:
        """How many slots were seen and not played."""
        return self.body.states.count(SlotState.DEFAULTED)


def put_rewards(connection: Connection, valued: Iterable[PageRewards]) -> None:
    """Keep the rewards of pages, over what was known of them."""
    rows = [_row(each) for each in valued]
    insert_many(connection, page_rewards, _COLUMNS, rows=rows, conflict=_OVER)


def find_rewards(connection: Connection, wanted: Iterable[PageId]) -> dict[PageId, PageRewards]:
    """Return what is known of those of the `wanted` pages that were valued before."""
    found: dict[PageId, PageRewards] = {}
    for chunk in chunks(wanted):
        for row in connection.execute(select(page_rewards).where(page_rewards.c.page.in_(chunk))):
            found[PageId(row.page)] = _record(row)
    return found


def rewards_of(connection: Connection, page: PageId) -> list[Reward]:
    """Return the rewards of a page under every definition, ordered by slot."""
    known = find_rewards(connection, [page]).get(page)
    if known is None:
        return []
    return [
        Reward(page=page, slot=slot, definition=definition, value=value, final=known.final)
        for slot, values in known.body.by_slot()
        for definition, value in sorted(values.items())
    ]


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
    for stored in read_valued(engine, since=since, until=until, provisional=provisional, batch=batch):
        for body, rewards, _ in stored:
            known = decode_rewards(rewards)
            if definition in known.definitions:
                page = decode_page(body)
                yield from (ValuedDecision(page, slot, values) for slot, values in known.by_slot())


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


StoredRewards = tuple[bytes, bytes, bool]
"""A page and its rewards as they are stored, and whether these are final."""


def read_valued(
    engine: Engine,
    *,
    since: PageId | None,
    until: PageId | None,
    provisional: bool,
    unseen: bool = False,
    batch: int = PAGES_A_READ,
) -> Iterator[list[StoredRewards]]:
    """Yield the pages that were seen, with `unseen` the others too, `batch` at a time; see `valued_decisions`."""
    wanted = [] if unseen else [page_rewards.c.rewarded + page_rewards.c.defaulted > 0]
    if not provisional:
        wanted.append(page_rewards.c.final)
    both = pages.join(page_rewards, pages.c.page == page_rewards.c.page)
    last = since
    while True:
        read = select(pages.c.page, pages.c.body, page_rewards.c.body, page_rewards.c.final).select_from(both)
        bounded = read.where(*wanted, *within(last, until)).order_by(pages.c.page).limit(batch)
        with reading(engine) as connection:
            rows = connection.execute(bounded).all()
        yield [(body, valued, final) for _, body, valued, final in rows]
        if len(rows) < batch:
            return
        last = PageId(rows[-1][0])


def valued_pages(connection: Connection, *, since: PageId | None, limit: int) -> list[PageId]:
    """Return the valued pages after `since` that outcomes came for, `limit` at most, in the order of their ids."""
    after = [] if since is None else [page_rewards.c.page > since]
    told = page_rewards.c.matched + page_rewards.c.late + page_rewards.c.rejected > 0
    read = select(page_rewards.c.page).where(told, *after).order_by(page_rewards.c.page).limit(limit)
    return [PageId(page) for page in connection.execute(read).scalars()]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardCount:
    """How many decisions have a reward under a definition, how many of those may still rise, and the mean of all."""

    definition: str
    rewards: int
    provisional: int
    mean: float


def count_by_definition(connection: Connection) -> list[RewardCount]:
    """Count the rewards under every definition that has any, by name; costs some rows, however long the log is."""
    known = read_tallies(connection)
    found: list[RewardCount] = []
    for definition in sorted(name.removeprefix(VALUED) for name in known if name.startswith(VALUED)):
        count = round(known[VALUED + definition])
        if count:
            provisional, worth = known.get(PROVISIONAL + definition, 0.0), known.get(WORTH + definition, 0.0)
            mean = max(0.0, worth / count)
            found.append(RewardCount(definition=definition, rewards=count, provisional=round(provisional), mean=mean))
    return found


def count_rewards(connection: Connection, definition: str) -> tuple[int, float | None]:
    """Count the rewards under `definition`, and return their mean; None where there is none: that is not 0 (C4)."""
    found = next((each for each in count_by_definition(connection) if each.definition == definition), None)
    return (found.rewards, found.mean) if found and found.rewards else (0, None)


VALUED, PROVISIONAL, WORTH = "valued:", "provisional:", "worth:"
"""What tallies of rewards are called, before their definition: how many, how many of an open page, their sum."""

_encode = msgspec.msgpack.Encoder().encode
decode_rewards = msgspec.msgpack.Decoder(RewardsBody).decode
_COLUMNS = ("page", "slots", "final", "rewarded", "defaulted", "matched", "late", "rejected", "revision", "body")
_OVER = "ON CONFLICT (page) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])


def _row(each: PageRewards) -> tuple[Any, ...]:
    counts = (each.rewarded, each.defaulted, each.matched, each.late, each.rejected, each.revision)
    return (each.page, each.slots, each.final, *counts, _encode(each.body))


def _record(row: Row[Any]) -> PageRewards:
    body = decode_rewards(row.body)
    return PageRewards(PageId(row.page), row.final, body, row.matched, row.late, row.rejected, row.revision)


def changes_of(before: Sequence[PageRewards], after: Sequence[PageRewards]) -> dict[str, float]:
    """Return by how much the tallies of rewards change where pages were worth `before` and are worth `after` now."""
    changes: dict[str, float] = {}
    for sign, known in ((-1.0, before), (1.0, after)):
        for each in known:
            seen = each.rewarded + each.defaulted
            sums = each.body.matrix().sum(axis=0)
            for definition, worth in zip(each.body.definitions, sums, strict=True):
                for name, change in ((VALUED, seen), (PROVISIONAL, 0 if each.final else seen), (WORTH, float(worth))):
                    changes[name + definition] = changes.get(name + definition, 0.0) + sign * change
    return changes
