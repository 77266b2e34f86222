"""How outcomes come in: forged ids are refused without a look-up, the rest is durable before the answer (C3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from api.dependencies.events import AHEAD, TOO_FAR_AHEAD, Taken
from api.dependencies.services import Services
from api.errors import ForgedDecision
from api.security import Keys
from api.storage.columns import chunks
from api.storage.database import transaction
from api.storage.events import Added
from api.storage.outcomes import add_outcomes
from api.storage.pages import decided_at
from bandit.decision import Outcome, OutcomeKind, PageId
from foundation.events import EventId

OUTCOMES_A_COMMIT = 2000
"""So few that the decision log waits for SQLite's write lock for some 15 milliseconds."""

BEFORE = timedelta(days=3650)
"""How long before its decision an outcome may say to have happened: a clock that was never set says 1970."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=10_000_000)]


class ReportedOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outcome as it was sent, with the decision's signed id."""

    event: _Id
    decision: _Id
    kind: OutcomeKind
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    seconds: _Seconds | None = None
    of_seconds: _Seconds | None = None


def take_outcomes(services: Services, reported: Sequence[ReportedOutcome]) -> Taken:
    """Keep the outcomes of genuine, logged decisions; one may come before its decision is committed.

    Some thousand a transaction, so that pages can be logged between them.

    Raises:
        StorageUnavailable: some of the batch may have been kept. It can be sent again: nothing counts twice.
    """
    now = datetime.now(UTC)
    gate = _Gate(services.keys, now)
    kept = [*gate.passed(reported)]
    rejected = len(gate.rejected)
    accepted = duplicates = 0
    for part in [*chunks(kept, OUTCOMES_A_COMMIT)] or [[]]:
        with services.outcome_turns.taken(), transaction(services.engine) as connection:
            added: Added = add_outcomes(connection, part, now=now, rejected=rejected)
        accepted, duplicates, rejected = accepted + added.accepted, duplicates + added.duplicates, 0
    for fate, count in (("accepted", accepted), ("duplicate", duplicates), ("rejected", len(gate.rejected))):
        services.metrics.outcomes.labels(fate).inc(count)
    return Taken(accepted, duplicates, gate.rejected)


class _Gate:
    """Lets outcomes pass that can be learned from, and says of the others why not: (event, reason)."""

    def __init__(self, keys: Keys, now: datetime) -> None:
        self.rejected: list[tuple[str, str]] = []
        self._keys = keys
        self._latest = now + AHEAD
        self._known: dict[str, _Decision | str] = {}

    def passed(self, reported: Sequence[ReportedOutcome]) -> Iterator[Outcome]:
        """Yield those that pass, in order."""
        for each in reported:
            decision = self._known.get(each.decision)
            if decision is None:
                decision = self._known[each.decision] = self._read(each.decision)
            if isinstance(decision, str):
                self.rejected.append((each.event, decision))
            elif not decision.earliest <= each.at <= self._latest:
                self.rejected.append((each.event, TOO_FAR_AHEAD if each.at > self._latest else _BEFORE))
            else:
                yield Outcome(
                    event=EventId(each.event),
                    page=decision.page,
                    slot=decision.slot,
                    kind=each.kind,
                    at=each.at,
                    seconds=each.seconds,
                    of_seconds=each.of_seconds,
                )

    def _read(self, decision: str) -> "_Decision | str":
        """What a decision id says, or why nothing of it can be learned; asked once a batch."""
        try:
            signed = self._keys.read_decision(decision)
        except ForgedDecision as error:
            return str(error)
        if not signed.logged:
            return _UNLOGGED
        return _Decision(signed.page, signed.slot, decided_at(signed.page) - BEFORE)


@dataclass(frozen=True, slots=True)
class _Decision:
    page: PageId
    slot: int
    earliest: datetime


_UNLOGGED = "The page was answered with logged: false, so its outcomes are not learned."
_BEFORE = "The time lies more than ten years before the decision: set the clock that it comes from."
