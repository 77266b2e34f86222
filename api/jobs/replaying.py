"""The log valued anew under another window, as it is read: late outcomes count. Stores nothing, and reads no reward."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine

from api.jobs.valuing import value_pages
from api.storage.columns import chunks
from api.storage.database import reading
from api.storage.page_parts import part_of
from api.storage.pages import PAGES_A_READ, read_pages
from bandit.decision import PageId, RewardedDecision
from bandit.rewards import RewardWindows, ValuedDecision, reward_definition


def replayed_decisions(
    engine: Engine,
    *,
    windows: RewardWindows,
    now: datetime,
    since: PageId | None = None,
    until: PageId | None = None,
) -> Iterator[ValuedDecision]:
    """Yield what `valued_decisions` would, had `windows` been set all along: decisions with a final reward by `now`.

    Holds some hundred pages at a time, and no transaction between two batches.
    """
    for batch in chunks(read_pages(engine, since=since, until=until), PAGES_A_READ):
        with reading(engine) as connection:
            valued = value_pages(connection, [part_of(page) for page in batch], windows=windows, now=now)
        for page, known in zip(batch, valued, strict=True):
            if known.final:
                yield from (ValuedDecision(page, slot, values) for slot, values in known.body.by_slot())


def replayed_rewards(
    engine: Engine,
    *,
    definition: str,
    windows: RewardWindows,
    now: datetime,
    since: PageId | None = None,
    until: PageId | None = None,
) -> Iterator[RewardedDecision]:
    """Yield the same decisions with their reward under `definition` alone.

    Raises:
        UnknownReward: there is no such definition.
    """
    key = reward_definition(definition).key
    valued = replayed_decisions(engine, windows=windows, now=now, since=since, until=until)
    return (RewardedDecision(each.page, each.slot, each.values[key]) for each in valued)
