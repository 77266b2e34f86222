"""/healthz, /readyz, /metrics: whether the process lives, whether it can serve, and what it counted.

None of them waits for a thread of those that answer other requests: these may all be waiting for a database.
"""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.errors import Leaving, StorageUnavailable
from api.routes.wire import Wire
from api.storage.policies import live_version

router = APIRouter(tags=["operations"])

Purpose = Annotated[
    Literal["pages"] | None,
    Query(alias="for", description="`pages`: ready as long as titles can be shown, also with default artworks only."),
]


class HealthAnswer(Wire):
    """The process answers."""

    status: str


class ReadyAnswer(Wire):
    """`policy` is what decides here; `problems` says what is wrong with this server, by part.

    `status` is `ready`, or `degraded` where the database does not answer and only pages were asked about.
    """

    status: str
    policy: str
    titles: int
    problems: dict[str, str]


@router.get("/healthz", response_model=HealthAnswer)
async def alive() -> HealthAnswer:
    """Say that the process answers."""
    return HealthAnswer(status="alive")


@router.get(
    "/readyz",
    response_model=ReadyAnswer,
    responses={503: {"description": "The database does not answer, or the server is about to end."}},
)
async def ready(request: Request, services: ServicesDep, purpose: Purpose = None) -> ReadyAnswer:
    """Say whether to send requests here: the database is up and migrated, and the server is not about to end.

    With `for=pages` a server without its database is ready too, as long as it knows titles to show: for a load balancer
    that would otherwise send to nobody when the database of all servers is down.
    """
    if request.app.state.draining():
        raise Leaving("This server was told to end.", "Send requests to another one.")
    titles, problems = len(services.catalogue.current.titles), dict(services.problems)
    status = "ready"
    try:
        await asyncio.to_thread(_ask_database, services)
    except StorageUnavailable as error:
        if purpose is None or not titles:
            raise
        status, problems = "degraded", {**problems, "database": str(error)}
    return ReadyAnswer(status=status, policy=services.live.current.version, titles=titles, problems=problems)


def _ask_database(services: Services) -> None:
    """In the time that a page has: a database that answers later is none for a page."""
    with services.reads.reading() as connection:
        live_version(connection)


@router.get("/metrics", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    """Give the metrics in Prometheus' text format."""
    text = await asyncio.to_thread(services.metrics.exposition)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
