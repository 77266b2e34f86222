"""The log valued anew under another window, as it is read: late outcomes count. Stores nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.jobs.valuing import value_pages
from api.storage.columns import chunks
from api.storage.database import reading
from api.storage.page_parts import part_of
from api.storage.pages import PAGES_A_READ, read_pages
from api.storage.rewards import valued_decisions
from bandit.decision import PageId, RewardedDecision
from bandit.rewards import RewardWindows, ValuedDecision


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardedLog:
    """The log as learning reads it: with the rewards that are stored, or, with a `window`, valued anew under that."""

    engine: Engine
    definition: str
    provisional: bool = False
    window: timedelta | None = None

    def valued(self, *, since: PageId | None = None, until: PageId | None = None) -> Iterator[ValuedDecision]:
        """Yield the decisions of the pages `since` < id ≤ `until`, by page and slot; see `valued_decisions`."""
        if self.window is None:
            return valued_decisions(
                self.engine, definition=self.definition, since=since, until=until, provisional=self.provisional
            )
        windows, now = RewardWindows(self.window), datetime.now(UTC)
        return replayed_decisions(self.engine, windows=windows, now=now, since=since, until=until)

    def rewarded(self, *, since: PageId | None = None, until: PageId | None = None) -> Iterator[RewardedDecision]:
        """Yield the same decisions with their reward under `definition` alone."""
        valued = self.valued(since=since, until=until)
        return (RewardedDecision(each.page, each.slot, each.values[self.definition]) for each in valued)
