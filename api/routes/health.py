"""/healthz, /readyz, /metrics: whether the process lives, whether it can serve, and what it counted."""

from fastapi import APIRouter, Request, Response

from api.dependencies.requests import ServicesDep
from api.errors import Leaving
from api.routes.wire import Wire
from api.storage.database import reading
from api.storage.policies import live_version

router = APIRouter(tags=["operations"])


class HealthAnswer(Wire):
    """The process answers."""

    status: str


class ReadyAnswer(Wire):
    """The database answers. `policy` is what decides here; `problems` says what could not be refreshed, by part."""

    status: str
    policy: str
    titles: int
    problems: dict[str, str]


@router.get("/healthz", response_model=HealthAnswer)
def alive() -> HealthAnswer:
    """Say that the process answers."""
    return HealthAnswer(status="alive")


@router.get(
    "/readyz",
    response_model=ReadyAnswer,
    responses={503: {"description": "The database does not answer, or the server is about to end."}},
)
def ready(request: Request, services: ServicesDep) -> ReadyAnswer:
    """Say whether to send requests here: the database is up and migrated, and the server is not about to end."""
    if request.app.state.draining():
        raise Leaving("This server was told to end.", "Send requests to another one.")
    with reading(services.engine) as connection:
        live_version(connection)
    return ReadyAnswer(
        status="ready",
        policy=services.live.current.version,
        titles=len(services.catalogue.current.titles),
        problems=dict(services.problems),
    )


@router.get("/metrics", response_class=Response)
def metrics(services: ServicesDep) -> Response:
    """Give the metrics in Prometheus' text format."""
    return Response(services.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
