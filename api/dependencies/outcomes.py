"""How outcomes come in: forged ids are refused without a look-up, the rest is durable before the answer (C3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from api.dependencies.events import Taken
from api.dependencies.services import Services
from api.errors import ForgedDecision
from api.security import Keys
from api.storage.database import transaction
from api.storage.outcomes import add_outcomes
from bandit.decision import Outcome, OutcomeKind
from foundation.events import EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedOutcome:
    """An outcome as it was sent, with the decision's signed id."""

    event: str
    decision: str
    kind: OutcomeKind
    at: datetime
    seconds: float | None = None
    of_seconds: float | None = None


def take_outcomes(services: Services, reported: Sequence[ReportedOutcome]) -> Taken:
    """Keep the outcomes of genuine, logged decisions; one may come before its decision is committed.

    Raises:
        StorageUnavailable: nothing of the batch was kept; it can be sent again.
    """
    kept: list[Outcome] = []
    rejected: list[tuple[str, str]] = []
    for each in reported:
        try:
            outcome = _read(services.keys, each)
        except ForgedDecision as error:
            rejected.append((each.event, str(error)))
            continue
        if outcome is None:
            rejected.append((each.event, "The page was answered with logged: false, so its outcomes are not learned."))
        else:
            kept.append(outcome)
    with transaction(services.engine) as connection:
        added = add_outcomes(connection, kept, now=datetime.now(UTC))
    for fate, count in (("accepted", added.accepted), ("duplicate", added.duplicates), ("rejected", len(rejected))):
        services.metrics.outcomes.labels(fate).inc(count)
    return Taken(added.accepted, added.duplicates, rejected)


def _read(keys: Keys, reported: ReportedOutcome) -> Outcome | None:
    signed = keys.read_decision(reported.decision)
    if not signed.logged:
        return None
    return Outcome(
        event=EventId(reported.event),
        page=signed.page,
        slot=signed.slot,
        kind=reported.kind,
        at=reported.at,
        seconds=reported.seconds,
        of_seconds=reported.of_seconds,
    )
