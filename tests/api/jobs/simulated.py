"""Puts a simulated log into a database as servers would: pages through the decision log, outcomes, then the join."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Engine

from api.jobs.joining import join_rewards
from api.storage.database import transaction
from api.storage.decision_log import DecisionLog, LogEntry
from api.storage.outcomes import add_outcomes
from api.storage.pages import page_id_at
from bandit.decision import Outcome, OutcomeKind, Page, PageId, PolicyVersionId, Rung
from bandit.rewards import RewardWindows
from foundation.events import EventId

AT_ONCE = RewardWindows(timedelta(0), {})


def placed(pages: Iterable[Page], *, policy: PolicyVersionId, shift: timedelta) -> Iterator[Page]:
    """The same pages, decided by `policy` and later by `shift`; their ids are those of that time."""
    for page in pages:
        at = page.at + shift
        prefix = page_id_at(at)[:12]
        own = policy if page.rung is Rung.LIVE else page.policy
        identity = PageId(f"{prefix}7{int(page.page, 16) % 0xFFF:03x}8{page.page[-15:]}")
        yield msgspec.structs.replace(page, page=identity, at=at, policy=own)


def log_pages(engine: Engine, pages: Sequence[Page]) -> None:
    """Make pages durable, all at once."""
    log = DecisionLog(engine, capacity=len(pages) + 1)
    written = threading.Event()
    entries = [LogEntry(page, idempotency_key=None, request_digest=None, response=None) for page in pages]
    assert not log.offer(entries, settled=lambda _: written.set())
    log.close()
    assert written.wait(30)


def report_outcomes(engine: Engine, pages: Sequence[Page], *, played: Iterable[bool], now: datetime) -> None:
    """Report that every slot was seen, and which were played to their end; then join."""
    outcomes: list[Outcome] = []
    chances = iter(played)
    for page in pages:
        for slot in range(len(page.slots)):
            kinds = [OutcomeKind.SEEN, *([OutcomeKind.PLAYED] if next(chances) else [])]
            for kind in kinds:
                seconds = 5400.0 if kind is OutcomeKind.PLAYED else None
                outcomes.append(
                    Outcome(
                        event=EventId(f"{kind}-{slot}"),
                        page=page.page,
                        slot=slot,
                        kind=kind,
                        at=page.at + timedelta(seconds=10),
                        seconds=seconds,
                        of_seconds=seconds,
                    )
                )
    with transaction(engine) as connection:
        add_outcomes(connection, outcomes, now=now)
    while join_rewards(engine, windows=AT_ONCE, now=now):
        pass
