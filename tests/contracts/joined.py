"""A small log whose pages are logged, told of and joined by the clock of a test. Without HTTP, so a history is fast."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, event, insert

from api.jobs.conservation import recount
from api.jobs.joining import join_rewards
from api.storage.database import open_engine, reading, transaction
from api.storage.due import NewPage, admit
from api.storage.outcomes import add_outcomes
from api.storage.pages import encode_page, page_id_at
from api.storage.rewards import PageRewards, find_rewards
from api.storage.tables import pages
from api.storage.tallies import Conservation, read_conservation
from artwork.catalog import ArtworkId, TitleId
from bandit.context import RequestContext
from bandit.decision import Outcome, OutcomeKind, Page, PageId, PolicyVersionId, Slot
from bandit.rewards import RewardWindows
from foundation.events import EventId, ViewerId

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
WINDOW = timedelta(hours=1)
SLOTS = 3


def page_id(number: int) -> PageId:
    """The id of a page; pages follow each other by a second."""
    return page_id_at(START + timedelta(seconds=number))


def a_page(number: int, *, row: str | None = None) -> Page:
    """A page of three slots with two artworks each."""
    slot = Slot(
        title=TitleId("harbor"),
        artworks=(ArtworkId("a"), ArtworkId("b")),
        images=("0" * 16, "1" * 16),
        probabilities=(0.5, 0.5),
        chosen=0,
        position=0,
    )
    at = START + timedelta(seconds=number)
    return Page(
        page=page_id(number),
        viewer=ViewerId("0" * 32),
        at=at,
        request=RequestContext(at=at, row=row),
        policy=PolicyVersionId("uniform"),
        policy_digest="d" * 64,
        embedding_version="fake",
        foundation_version=None,
        viewer_vector=None,
        salt="s",
        window=1,
        slots=(slot,) * SLOTS,
    )


def an_outcome(number: int, slot: int, event: str, *, minutes: float = 1, seconds: float | None = None) -> Outcome:
    """Something that happened so many minutes after the decision: a play where `seconds` say so, else it was seen."""
    return Outcome(
        event=EventId(event),
        page=page_id(number),
        slot=slot,
        kind=OutcomeKind.SEEN if seconds is None else OutcomeKind.WATCHED,
        at=START + timedelta(seconds=number, minutes=minutes),
        seconds=seconds,
        of_seconds=6000.0,
    )


@dataclass
class JoinedLog:
    """The log, and what its clock says."""

    engine: Engine
    windows: RewardWindows = field(default_factory=lambda: RewardWindows(WINDOW))
    now: datetime = START

    def log(self, *logged: Page) -> None:
        """Put pages into the log as its writer does."""
        with transaction(self.engine) as connection:
            for page in logged:
                row = {"page": page.page, "at": page.at, "viewer": page.viewer, "policy": page.policy}
                row |= {"embedding_version": page.embedding_version, "slots": len(page.slots)}
                connection.execute(insert(pages).values(**row, body=encode_page(page)))
            admit(connection, [NewPage(page.page, page.at, len(page.slots)) for page in logged])

    def tell(self, *told: Outcome, rejected: int = 0) -> None:
        """Take outcomes as the route does, after it rejected some."""
        with transaction(self.engine) as connection:
            add_outcomes(connection, told, now=self.now, rejected=rejected)

    def join(self, *, after: timedelta = timedelta(0)) -> None:
        """Let time pass, then value everything that is due."""
        self.now += after
        while join_rewards(self.engine, windows=self.windows, now=self.now):
            pass

    def rewards(self, *numbers: int) -> list[PageRewards | None]:
        """What is known of pages."""
        with reading(self.engine) as connection:
            found = find_rewards(connection, [page_id(number) for number in numbers])
        return [found.get(page_id(number)) for number in numbers]

    def values(self, number: int, definition: str) -> dict[int, float]:
        """The rewards of a page's slots; nothing of those that have none."""
        [known] = self.rewards(number)
        return {} if known is None else {slot: own[definition] for slot, own in known.body.by_slot()}

    def conservation(self) -> Conservation:
        """The terms of C5, which must add up and be what the rows say."""
        with reading(self.engine) as connection:
            tallied = read_conservation(connection)
        assert (tallied.lost_decisions, tallied.lost_outcomes) == (0, 0), tallied
        assert tallied == recount(self.engine)
        return tallied


@contextmanager
def joined_log(prepared: Path) -> Iterator[JoinedLog]:
    """Lend a log that holds nothing."""
    with TemporaryDirectory(prefix="keyart-") as folder:
        database = Path(folder) / "keyart.db"
        shutil.copy(prepared / "keyart.db", database)
        engine = open_engine(f"sqlite:///{database}")
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        try:
            yield JoinedLog(engine)
        finally:
            engine.dispose()


def terms(found: Conservation, names: Sequence[str]) -> tuple[int, ...]:
    """Some terms by name."""
    return tuple(getattr(found, name) for name in names)
