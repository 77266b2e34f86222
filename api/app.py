"""The web application: made by `create_app`, started by its lifespan. Nothing is built at import."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from api.console import experiments as experiment_pages
from api.console import explorer, foretold, gallery, login, overview, versions
from api.dependencies.access import authorise, carries_a_key
from api.dependencies.body_limit import BodyLimit
from api.dependencies.draining import Draining, draining_on_sigterm
from api.dependencies.heads import HeadAsGet
from api.dependencies.problems import answer_problems
from api.dependencies.queries import refuse_unknown_parameters
from api.dependencies.services import Services, open_services
from api.dependencies.traces import Traces, open_traces
from api.dependencies.watch import Watch
from api.errors import LogInFirst
from api.report.rendering import STATIC as REPORT_STATIC
from api.routes import (
    artworks,
    audit,
    decisions,
    events,
    experiments,
    forecasts,
    guards,
    health,
    images,
    keys,
    outcomes,
    policies,
    select,
    titles,
    viewers,
)
from api.routes.examples import describe
from api.routes.select_door import SelectDoor
from api.settings import Settings

_STATIC = Path(__file__).parent / "console" / "static"
_API = (
    titles,
    artworks,
    guards,
    events,
    select,
    outcomes,
    decisions,
    policies,
    experiments,
    forecasts,
    keys,
    audit,
    viewers,
)

Opener = Callable[[Settings], AbstractContextManager[Services]]


def create_app(settings: Settings, *, services: Opener = open_services, traces: Traces | None = None) -> FastAPI:
    """Build the application of one installation; `services` opens what its requests are handed.

    `traces` takes spans; without it, what the settings say.

    Raises:
        BadSettings: traces are wanted, and OpenTelemetry is not there.
    """

    draining, traces = Draining(), traces or open_traces(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        with services(settings) as opened, draining_on_sigterm(draining, seconds=settings.drain_seconds):
            app.state.services = opened
            yield
        traces.close()

    app = FastAPI(
        title="Keyart",
        summary="Decides which artwork of a title each viewer sees.",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a client led from HTTPS to this server's plain HTTP would tell its key on the way
        telemetry=cast(Any, traces.of_requests()),
        dependencies=[Depends(authorise)],
    )
    app.state.draining = draining
    app.add_middleware(SelectDoor)
    app.add_middleware(BodyLimit, is_known=lambda scope: carries_a_key(scope, app.state.services))
    app.add_middleware(
        Watch,
        figures=lambda: app.state.services.metrics.requests,
        leaving=draining,
        name_span=traces.name_request,
        traced=traces.wanted,
        log_access=settings.access_log,
    )
    app.add_middleware(HeadAsGet)
    answer_problems(app, authorise=authorise)
    describe(app)
    app.add_exception_handler(LogInFirst, login.lead_to_log_in)
    _add_routes(app)
    return app


def _add_routes(app: FastAPI) -> None:
    """What it answers: the API under /v1, pictures, health, the console with what its pages load."""
    for module in _API:
        app.include_router(module.router, prefix="/v1", dependencies=[Depends(refuse_unknown_parameters)])
    app.include_router(images.router)
    app.include_router(health.router)
    for page in (login, overview, versions, foretold, experiment_pages, explorer, gallery):
        app.include_router(page.router)
    app.mount("/static/report", StaticFiles(directory=REPORT_STATIC), name="report")
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
