"""What a server acknowledged, and whether the database holds it: the caller's book, written as answers come in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, select, text

from api.storage.columns import chunks
from api.storage.database import reading
from api.storage.outcomes import outcomes_of
from api.storage.tables import events
from bandit.decision import Outcome, Page, PageId
from tests.api.written import find_pages

AnsweredKey = tuple[bytes, bytes]
"""The body of a request with an idempotency key, and the bytes that it was answered with."""
Told = tuple[str, int, str]
"""An outcome by its page, slot and event."""


@dataclass
class Ledger:
    """Acknowledged pages (with the artworks they showed), outcomes, events and answers of idempotency keys."""

    pages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outcomes: set[Told] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    keys: dict[str, AnsweredKey] = field(default_factory=dict)
    unanswered: list[tuple[bytes, Sequence[Told]]] = field(default_factory=list)
    """Batches of outcomes that nobody knows the fate of: their caller sends them again."""
    unanswered_keys: dict[str, bytes] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    """Why genuine outcomes of pages that are in the log were rejected: nothing but a clock can make it so."""
    unlogged: set[str] = field(default_factory=set)
    refusals: Counter[int] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)
    epoch: int = 0
    """Counts what a test calls a new beginning, so that ids of events and keys are used once."""

    def shown(self, page: str, artworks: Sequence[str]) -> None:
        """Note a page that was answered as durable; one that came before must be the same."""
        if self.pages.setdefault(page, tuple(artworks)) != tuple(artworks):
            self.mistakes.append(f"page {page} showed two things")

    def answered(self, key: str, sent: bytes, content: bytes) -> None:
        """Note what an idempotency key was answered; the same request must have been answered the same (C2)."""
        if self.keys.setdefault(key, (sent, content)) != (sent, content):
            self.mistakes.append(f"key {key} was answered twice, differently")

    def taken(self, told: Sequence[Told], rejected: Sequence[Mapping[str, str]]) -> None:
        """Note outcomes that were answered as durable, but those that were rejected."""
        refused = {each["event"] for each in rejected}
        self.rejected.extend(each["reason"] for each in rejected)
        self.outcomes.update(each for each in told if each[2] not in refused)

    def acknowledged(self) -> int:
        """How many decisions, outcomes and events were answered as durable."""
        return sum(map(len, self.pages.values())) + len(self.outcomes) + len(self.events)

    def lost(self, engine: Engine) -> list[str]:
        """Name what was acknowledged and is not in the database, or is there as something else."""
        with reading(engine) as connection:
            kept = find_pages(connection, map(PageId, self.pages))
            found = outcomes_of(connection, {PageId(page) for page, _, _ in self.outcomes})
            known = {
                event
                for chunk in chunks(sorted(self.events))
                for event in connection.execute(select(events.c.event).where(events.c.event.in_(chunk))).scalars()
            }
        there = {(each.page, each.slot, each.event) for each in _flat(found.values())}
        return [
            *(f"page {page}" for page, shown in self.pages.items() if _shown(kept.get(PageId(page))) != shown),
            *(f"outcome {each}" for each in self.outcomes - there),
            *(f"event {each}" for each in self.events - known),
        ]

    def unlogged_but_kept(self, engine: Engine) -> set[str]:
        """Pages that were answered with `logged: false` and are in the log all the same."""
        with reading(engine) as connection:
            return set(find_pages(connection, map(PageId, self.unlogged)))


def sound(engine: Engine) -> bool:
    """Whether SQLite finds its file whole; a PostgreSQL that answers is."""
    if engine.dialect.name != "sqlite":
        return True
    with reading(engine) as connection:
        whole = connection.scalar(text("PRAGMA integrity_check")) == "ok"
        return whole and connection.execute(text("PRAGMA foreign_key_check")).first() is None


def _shown(page: Page | None) -> tuple[str, ...] | None:
    return None if page is None else tuple(slot.artwork for slot in page.slots)


def _flat(groups: Iterable[Iterable[Outcome]]) -> Iterable[Outcome]:
    return (each for group in groups for each in group)
