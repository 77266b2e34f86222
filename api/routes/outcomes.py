"""POST /v1/outcomes: what happened to decisions, in batches, in any order, as often as it takes (C3)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.dependencies.outcomes import ReportedOutcome, take_outcomes
from api.dependencies.requests import ServicesDep
from api.routes.wire import BatchAnswer, Moment, OpaqueId, Refusal, Seconds, Wire
from bandit.decision import OutcomeKind

router = APIRouter(tags=["serving"])


class OutcomeBody(Wire):
    """Something that happened to a decision; `event` is the caller's id of this report."""

    event: OpaqueId
    decision: OpaqueId
    kind: OutcomeKind
    at: Moment
    seconds: Seconds | None = None
    of_seconds: Seconds | None = None


class OutcomesBody(Wire):
    """A batch of outcomes."""

    outcomes: Annotated[list[OutcomeBody], Field(min_length=1, max_length=10_000)]


@router.post("/outcomes", response_model=BatchAnswer)
def report(body: OutcomesBody, services: ServicesDep) -> BatchAnswer:
    """Take outcomes. Repeating a batch is harmless; a forged decision id is rejected, the rest of the batch counts."""
    reported = [
        ReportedOutcome(
            event=each.event,
            decision=each.decision,
            kind=each.kind,
            at=each.at,
            seconds=each.seconds,
            of_seconds=each.of_seconds,
        )
        for each in body.outcomes
    ]
    taken = take_outcomes(services, reported)
    rejected = [Refusal(event=event, reason=reason) for event, reason in taken.rejected]
    return BatchAnswer(accepted=taken.accepted, duplicates=taken.duplicates, rejected=rejected)
