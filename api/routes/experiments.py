"""/v1/experiments: online comparisons of policy versions, from a plan to what their cells said."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import Field
from sqlalchemy import Connection

from api.dependencies.access import ActorDep
from api.dependencies.experiments import begin_experiment, create_experiment, end_experiment
from api.dependencies.promotion import Order
from api.dependencies.requests import ServicesDep
from api.routes.listing import USUAL, Cursor, Limit, Name, cursor_of, part_of, place_of
from api.routes.once import ONCE, OnceRoute
from api.routes.tags import Conditions, Meant, ReadersTag, tagged
from api.routes.wire import Flag, Real, Text, Whole, Wire
from api.storage.database import reading
from api.storage.experiments import Experiment, ExperimentPlan, find_experiment, list_experiments, list_readings
from bandit.decision import PolicyVersionId
from bandit.experiments.allocation import Cell
from bandit.experiments.rules import ExperimentRules, Guardrail

router = APIRouter(prefix="/experiments", tags=["experiments"], route_class=OnceRoute)

ExperimentPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]


class CellBody(Wire):
    """One arm: `policy` is a version, or `live` for the one that is live now; `weight` its part beside the others'."""

    name: _Name
    policy: _Version
    weight: Annotated[Real, Field(gt=0, le=1000)] = 1.0


class RulesBody(Wire):
    """When a difference counts; see docs/experiments.md."""

    risk: Annotated[Real, Field(gt=0, le=0.5)] = 0.05
    smallest_lift: Annotated[Real, Field(gt=0, le=10)] = 0.02
    guardrails: tuple[Guardrail, ...] = tuple(Guardrail)
    stops_itself: Flag = True
    days_before: Annotated[Whole, Field(ge=0, le=365)] = 28


class ExperimentBody(Wire):
    """A plan. The first cell is control; `share` is the part of the viewers that take part."""

    experiment: _Name
    hypothesis: Text | None = None
    share: Annotated[Real, Field(gt=0, le=1)]
    cells: Annotated[list[CellBody], Field(min_length=2, max_length=10)]
    rules: RulesBody = RulesBody()


class StartBody(Wire):
    """Why; `force` starts against the gate."""

    reason: Text
    force: Flag = False


class StopBody(Wire):
    """Why."""

    reason: Text


class CellAnswer(Wire):
    """One arm, and what was foretold of its policy before the start: null where it was never evaluated."""

    name: str
    policy: str
    weight: float
    forecast: dict[str, Any] | None


class ExperimentAnswer(Wire):
    """An experiment. `reading` is what its cells said when they were last read (`read_at`); null before that."""

    experiment: str
    state: str
    hypothesis: str
    share: float
    reward: str
    cells: list[CellAnswer]
    rules: dict[str, Any]
    created_by: str
    created_at: datetime
    started_by: str | None
    started_at: datetime | None
    stopped_by: str | None
    stopped_at: datetime | None
    stopped_because: str | None
    read_at: datetime | None = None
    reading: dict[str, Any] | None = None


class ExperimentsAnswer(Wire):
    """The experiments by name, without their readings; `next` is the `cursor` of the part that follows."""

    experiments: list[ExperimentAnswer]
    next: str | None = None


@router.get("", response_model=ExperimentsAnswer)
def listed(
    services: ServicesDep, cursor: Cursor = None, limit: Limit = USUAL, if_none_match: ReadersTag = None
) -> Response:
    """List the experiments."""
    after = None if cursor is None else place_of(cursor, "experiments", tuple[Name])[0]
    with reading(services.engine) as connection:
        found, last = part_of(list_experiments(connection, after=after, limit=limit + 1), limit)
    following = None if last is None else cursor_of("experiments", last.name)
    answer = ExperimentsAnswer(experiments=[_answer(each) for each in found], next=following)
    return tagged(answer, if_none_match)


@router.get("/{experiment}", response_model=ExperimentAnswer)
def read(experiment: ExperimentPath, services: ServicesDep, if_none_match: ReadersTag = None) -> Response:
    """Read one experiment with what its cells said last."""
    with reading(services.engine) as connection:
        return tagged(_whole(connection, experiment), if_none_match)


@router.post("", status_code=201, response_model=ExperimentAnswer, dependencies=[ONCE])
def create(body: ExperimentBody, actor: ActorDep, services: ServicesDep) -> ExperimentAnswer:
    """Plan an experiment. Nothing is dealt before it is started."""
    cells = tuple(Cell(name=each.name, policy=PolicyVersionId(each.policy), weight=each.weight) for each in body.cells)
    plan = ExperimentPlan(
        experiment=body.experiment,
        hypothesis=body.hypothesis or "",
        share=body.share,
        cells=cells,
        reward=services.settings.reward,
        rules=_rules(body.rules),
    )
    return _answer(create_experiment(services.engine, plan, actor=actor, now=datetime.now(UTC)))


@router.post("/{experiment}:start", response_model=ExperimentAnswer, dependencies=[ONCE])
def start(
    experiment: ExperimentPath, body: StartBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> ExperimentAnswer:
    """Let the cells decide for their viewers, after checking each version whole."""
    order = _order(body.reason, actor, meant, experiment, force=body.force)
    begun = begin_experiment(
        services.engine, services.blobs, experiment=experiment, order=order, examiner=services.live.examiner
    )
    services.refresh()
    return _answer(begun)


@router.post("/{experiment}:stop", response_model=ExperimentAnswer, dependencies=[ONCE])
def stop(
    experiment: ExperimentPath, body: StopBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> ExperimentAnswer:
    """End an experiment: what is live decides for its viewers again."""
    ended = end_experiment(services.engine, experiment=experiment, order=_order(body.reason, actor, meant, experiment))
    services.refresh()
    return _answer(ended)


def _order(reason: str, actor: str, meant: Conditions, experiment: str, *, force: Flag = False) -> Order:
    """Who asks, and that the experiment is, in its answer, what the caller read."""
    return Order(
        actor=actor,
        reason=reason,
        at=datetime.now(UTC),
        force=force,
        still=lambda connection: meant.check(lambda: _whole(connection, experiment)),
    )


def _rules(body: RulesBody) -> ExperimentRules:
    return ExperimentRules(
        risk=body.risk,
        smallest_lift=body.smallest_lift,
        guardrails=tuple(dict.fromkeys(body.guardrails)),
        stops_itself=body.stops_itself,
        days_before=body.days_before,
    )


def _whole(connection: Connection, experiment: str) -> ExperimentAnswer:
    found = _answer(find_experiment(connection, experiment))
    newest = list_readings(connection, experiment, limit=1)
    if not newest:
        return found
    return found.model_copy(update={"read_at": newest[0].at, "reading": newest[0].result})


def _answer(experiment: Experiment) -> ExperimentAnswer:
    allocation = experiment.allocation
    return ExperimentAnswer(
        experiment=experiment.name,
        state=experiment.state,
        hypothesis=experiment.hypothesis,
        share=allocation.share,
        reward=experiment.reward,
        cells=[_cell(experiment, cell) for cell in allocation.cells],
        rules=msgspec.to_builtins(asdict(experiment.rules)),
        created_by=experiment.created_by,
        created_at=experiment.created_at,
        started_by=experiment.started_by,
        started_at=experiment.started_at,
        stopped_by=experiment.stopped_by,
        stopped_at=experiment.stopped_at,
        stopped_because=experiment.stopped_because,
    )


def _cell(experiment: Experiment, cell: Cell) -> CellAnswer:
    forecast = experiment.forecasts.get(cell.policy)
    told = None if forecast is None else msgspec.to_builtins(asdict(forecast))
    return CellAnswer(name=cell.name, policy=cell.policy, weight=cell.weight, forecast=told)
