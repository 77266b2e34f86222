"""/v1/viewers: a viewer erased, or left out of what is learned. Raw ids come in bodies, never in addresses."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.dependencies.access import ActorDep
from api.dependencies.requests import ServicesDep
from api.dependencies.viewers import by_id, exclude_viewer, include_viewer, order_erasure
from api.routes.listing import USUAL, Cursor, Limit, Microseconds, Name, cursor_of, part_of, place_of
from api.routes.once import ONCE, OnceRoute
from api.routes.tags import ReadersTag, tagged
from api.routes.wire import EARLIEST, Digits, OpaqueId, Text, Wire
from api.storage.audit_log import By
from api.storage.database import reading, transaction
from api.storage.erasure import Erasure, find_erasure
from api.storage.exclusions import list_excluded

router = APIRouter(tags=["operations"], route_class=OnceRoute)

ErasurePath = Annotated[Digits, Path(ge=1, le=2**62)]


class ViewerBody(Wire):
    """The viewer, by the id that events and pages carry."""

    viewer: OpaqueId


class OrderBody(ViewerBody):
    """Why: kept for ever, so it may not hold the viewer's id."""

    reason: Text | None = None


class ExcludeBody(ViewerBody):
    """`reason` stands in every row of an export: a word such as `internal` or `monitoring`."""

    reason: Annotated[Text, Field(max_length=60)] = "internal"


class ErasureAnswer(Wire):
    """An erasure: `ended_at` is null until nothing of the viewer is left; the counts say what was removed so far."""

    erasure: int
    asked_at: datetime
    ended_at: datetime | None
    pages: int
    events: int
    export_rows: int


class ExclusionAnswer(Wire):
    """Whether the viewer is left out now."""

    excluded: bool


class ExcludedAnswer(Wire):
    """A viewer who is left out, by pseudonym."""

    viewer: str
    reason: str
    actor: str
    at: datetime


class ExcludedList(Wire):
    """Those who are left out by order, the newest first; `next` is the `cursor` of the following part."""

    excluded: list[ExcludedAnswer]
    next: str | None = None


@router.post("/viewers:erase", status_code=202, response_model=ErasureAnswer, dependencies=[ONCE])
def erase(body: OrderBody, services: ServicesDep, actor: ActorDep) -> ErasureAnswer:
    """Order that everything kept of a viewer is removed; a worker does it, and goes on where one died."""
    with transaction(services.engine) as connection:
        number = order_erasure(connection, services.keys, body.viewer, by=By(actor, body.reason), now=datetime.now(UTC))
        return _told(find_erasure(connection, number))


@router.get("/erasures/{erasure}", response_model=ErasureAnswer)
def erasure(erasure: ErasurePath, services: ServicesDep, if_none_match: ReadersTag = None) -> Response:
    """Tell how far an erasure is."""
    with reading(services.engine) as connection:
        return tagged(_told(find_erasure(connection, erasure)), if_none_match)


@router.post("/viewers:exclude", response_model=ExclusionAnswer, dependencies=[ONCE])
def exclude(body: ExcludeBody, services: ServicesDep, actor: ActorDep) -> ExclusionAnswer:
    """Keep a viewer's rows, and neither learn from them nor evaluate on them, earlier ones included."""
    with transaction(services.engine) as connection:
        now = datetime.now(UTC)
        whom = by_id(connection, services.keys, viewer=body.viewer)
        exclude_viewer(connection, whom, reason=body.reason, actor=actor, now=now)
    return ExclusionAnswer(excluded=True)


@router.post("/viewers:include", response_model=ExclusionAnswer, dependencies=[ONCE])
def include(body: OrderBody, services: ServicesDep, actor: ActorDep) -> ExclusionAnswer:
    """Let a viewer who was excluded count again."""
    with transaction(services.engine) as connection:
        whom = by_id(connection, services.keys, viewer=body.viewer)
        include_viewer(connection, whom, by=By(actor, body.reason), now=datetime.now(UTC))
    return ExclusionAnswer(excluded=False)


@router.get("/viewers:excluded", response_model=ExcludedList)
def excluded(
    services: ServicesDep, cursor: Cursor = None, limit: Limit = USUAL, if_none_match: ReadersTag = None
) -> Response:
    """List the viewers who are left out by order."""
    after = None
    if cursor is not None:
        since, viewer = place_of(cursor, "excluded", tuple[Microseconds, Name])
        after = EARLIEST + timedelta(microseconds=since), viewer
    with reading(services.engine) as connection:
        listed = list_excluded(connection, after=after, limit=limit + 1)
    given, last = part_of(listed, limit)
    place = None if last is None else ((last.at - EARLIEST) // timedelta(microseconds=1), last.viewer)
    answer = ExcludedList(
        excluded=[
            ExcludedAnswer(viewer=each.viewer, reason=each.reason, actor=each.actor, at=each.at) for each in given
        ],
        next=None if place is None else cursor_of("excluded", *place),
    )
    return tagged(answer, if_none_match)


def _told(found: Erasure) -> ErasureAnswer:
    return ErasureAnswer(
        erasure=found.erasure,
        asked_at=found.asked_at,
        ended_at=found.ended_at,
        pages=found.pages,
        events=found.events,
        export_rows=found.export_rows,
    )
