"""POST /v1/events: interactions of viewers with titles, from which the viewer vectors are learned."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.dependencies.events import ReportedEvent, take_events
from api.dependencies.requests import ServicesDep
from api.routes.once import ONCE, OnceRoute
from api.routes.wire import BatchAnswer, CatalogueId, Moment, OpaqueId, Refusal, Seconds, Wire, Word
from foundation.events import Action

router = APIRouter(tags=["serving"], route_class=OnceRoute)


class EventBody(Wire):
    """One interaction; `event` is the caller's id of it, so a repeated batch is harmless."""

    event: OpaqueId
    viewer: OpaqueId
    title: CatalogueId
    action: Action
    at: Moment
    device: Word | None = None
    canvas: Word | None = None
    row: Word | None = None
    seconds: Seconds | None = None
    of_seconds: Seconds | None = None


class EventsBody(Wire):
    """A batch of interactions."""

    events: Annotated[list[EventBody], Field(min_length=1, max_length=10_000)]


@router.post("/events", response_model=BatchAnswer, dependencies=[ONCE])
def report(body: EventsBody, services: ServicesDep) -> BatchAnswer:
    """Take interactions; one with an unknown title is rejected, the rest of the batch counts."""
    taken = take_events(services, [ReportedEvent(**each.model_dump()) for each in body.events])
    rejected = [Refusal(event=event, reason=reason) for event, reason in taken.rejected]
    return BatchAnswer(accepted=taken.accepted, duplicates=taken.duplicates, rejected=rejected)
