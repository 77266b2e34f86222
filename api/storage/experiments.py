"""Experiments and what was read of their cells: a plan is made, started once and stopped once. Knows no policy."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, insert, select, update

from api.errors import BadInput, Conflict, UnknownExperiment
from api.storage.audit_log import Told, record
from api.storage.experiment_tables import experiment_readings, experiments
from api.storage.revisions import Revision, hold
from bandit.decision import PolicyVersionId
from bandit.experiments.allocation import Allocation, Cell, InvalidExperiment, room_for
from bandit.experiments.rules import ExperimentRules

_SALT_BYTES = 16


class ExperimentState(StrEnum):
    """How far an experiment is."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What an off-policy evaluation said of a cell's policy before the start; None where it said nothing."""

    policy: PolicyVersionId
    at: datetime
    value: float | None
    low: float | None
    high: float | None
    live: PolicyVersionId
    live_value: float | None
    reward: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment as it stands; `forecasts` are by policy version, from the moment of its start."""

    hypothesis: str
    state: ExperimentState
    allocation: Allocation
    reward: str
    rules: ExperimentRules
    created_by: str
    created_at: datetime
    forecasts: Mapping[str, Forecast]
    started_by: str | None = None
    started_at: datetime | None = None
    stopped_by: str | None = None
    stopped_at: datetime | None = None
    stopped_because: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.allocation.experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPlan:
    """What a new experiment shall be; who is in it is drawn when it is kept."""

    experiment: str
    hypothesis: str
    share: float
    cells: tuple[Cell, ...]
    reward: str
    rules: ExperimentRules


@dataclass(frozen=True, slots=True)
class StoredReading:
    """What the cells of an experiment said at a moment, as JSON."""

    at: datetime
    result: Mapping[str, Any]


def add_experiment(connection: Connection, plan: ExperimentPlan, *, actor: str, now: datetime) -> Experiment:
    """Keep a plan; nothing is dealt before it is started.

    Raises:
        Conflict: there is an experiment of this name.
        BadInput: the plan cannot be carried out.
    """
    salt = secrets.token_hex(_SALT_BYTES)
    try:
        Allocation(experiment=plan.experiment, salt=salt, share=plan.share, cells=plan.cells)
    except InvalidExperiment as error:
        raise BadInput(f"The experiment cannot be carried out: {error}.", "Nothing was kept.") from error
    hold(connection, Revision.DEPLOYMENTS)
    if connection.execute(_one(plan.experiment)).first() is not None:
        raise Conflict(f"There is an experiment {plan.experiment} already.", "Give the new one another name.")
    row = {**_facts(plan), "state": ExperimentState.DRAFT, "salt": salt, "created_by": actor, "created_at": now}
    connection.execute(insert(experiments), row)
    told = {name: value for name, value in row.items() if name not in ("salt", "created_at")}
    subject = f"experiment/{plan.experiment}"
    why = Told(after=told, reason=plan.hypothesis or None)
    record(connection, actor=actor, action="experiment.create", subject=subject, now=now, **why)
    return find_experiment(connection, plan.experiment)


def find_experiment(connection: Connection, experiment: str) -> Experiment:
    """Return an experiment.

    Raises:
        UnknownExperiment: there is none of this name.
    """
    row = connection.execute(_one(experiment)).mappings().one_or_none()
    if row is None:
        remedy = "List them: GET /v1/experiments or `keyart experiment list`."
        raise UnknownExperiment(f"There is no experiment {experiment!r}.", remedy)
    return _experiment(row)


def list_experiments(connection: Connection, *, after: str | None = None, limit: int | None = None) -> list[Experiment]:
    """Return the experiments, by name: those behind `after`, at most `limit`."""
    listed = select(experiments).order_by(experiments.c.experiment).limit(limit)
    if after is not None:
        listed = listed.where(experiments.c.experiment > after)
    return [_experiment(row) for row in connection.execute(listed).mappings()]


def running_experiments(connection: Connection) -> list[Experiment]:
    """Return the experiments that run now, by name."""
    running = select(experiments).where(experiments.c.state == ExperimentState.RUNNING)
    return [_experiment(row) for row in connection.execute(running.order_by(experiments.c.experiment)).mappings()]


def running_allocations(connection: Connection) -> tuple[Allocation, ...]:
    """Return how the running experiments deal viewers: cheap enough to ask twice a second."""
    return tuple(each.allocation for each in running_experiments(connection))


def start_experiment(
    connection: Connection,
    experiment: str,
    *,
    actor: str,
    now: datetime,
    reason: str,
    forecasts: Mapping[str, Forecast],
) -> Experiment:
    """Let a draft's cells decide from the commit on, and keep the forecasts that stand now.

    Raises:
        UnknownExperiment: there is none of this name.
        Conflict: it was started before, or the running ones leave too few viewers.
    """
    hold(connection, Revision.DEPLOYMENTS)
    found = find_experiment(connection, experiment)
    if found.state is not ExperimentState.DRAFT:
        raise Conflict(f"{experiment} is {found.state}, and is started once only.", "Create another experiment.")
    begin = room_for(found.allocation.share, running_allocations(connection))
    if begin is None:
        remedy = "Stop one of them, or create this one anew with a smaller share."
        raise Conflict(f"The running experiments leave less than {found.allocation.share:.1%} of the viewers.", remedy)
    told = {name: msgspec.to_builtins(asdict(each)) for name, each in forecasts.items()}
    changes = {"state": ExperimentState.RUNNING, "begin": begin, "started_by": actor, "started_at": now}
    connection.execute(_change(experiment).values(**changes, forecasts=told))
    _record(connection, found, state=ExperimentState.RUNNING, actor=actor, now=now, reason=reason)
    return find_experiment(connection, experiment)


def stop_experiment(connection: Connection, experiment: str, *, actor: str, now: datetime, reason: str) -> Experiment:
    """End an experiment: from the commit on what is live decides for its viewers again.

    Raises:
        UnknownExperiment: there is none of this name.
        Conflict: it does not run.
    """
    hold(connection, Revision.DEPLOYMENTS)
    found = find_experiment(connection, experiment)
    if found.state is not ExperimentState.RUNNING:
        raise Conflict(f"{experiment} does not run; it is {found.state}.", "There is nothing to stop.")
    changes = {"state": ExperimentState.STOPPED, "stopped_by": actor, "stopped_at": now, "stopped_because": reason}
    connection.execute(_change(experiment).values(**changes))
    _record(connection, found, state=ExperimentState.STOPPED, actor=actor, now=now, reason=reason)
    return find_experiment(connection, experiment)


def add_reading(connection: Connection, experiment: str, result: Mapping[str, Any], *, now: datetime) -> None:
    """Write down what the cells said."""
    connection.execute(insert(experiment_readings), {"experiment": experiment, "at": now, "result": dict(result)})


def list_readings(connection: Connection, experiment: str, *, limit: int | None = None) -> list[StoredReading]:
    """Return what was read of an experiment, the newest first, at most `limit`."""
    of_it = select(experiment_readings).where(experiment_readings.c.experiment == experiment)
    listed = of_it.order_by(experiment_readings.c.reading.desc()).limit(limit)
    return [StoredReading(row["at"], row["result"]) for row in connection.execute(listed).mappings()]


def _one(experiment: str) -> Any:
    return select(experiments).where(experiments.c.experiment == experiment)


def _change(experiment: str) -> Any:
    return update(experiments).where(experiments.c.experiment == experiment)


def _facts(plan: ExperimentPlan) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(asdict(plan))
    return facts


def _record(
    connection: Connection,
    before: Experiment,
    *,
    state: ExperimentState,
    actor: str,
    now: datetime,
    reason: str,
) -> None:
    action = "experiment.start" if state is ExperimentState.RUNNING else "experiment.stop"
    told = Told(before={"state": before.state}, after={"state": state}, reason=reason)
    record(connection, actor=actor, action=action, subject=f"experiment/{before.name}", now=now, **told)


def _experiment(row: RowMapping) -> Experiment:
    allocation = Allocation(
        experiment=row["experiment"],
        salt=row["salt"],
        share=row["share"],
        begin=row["begin"] or 0.0,
        cells=tuple(msgspec.convert(row["cells"], list[Cell])),
    )
    same = ("hypothesis", "reward", "created_by", "created_at", "started_by", "started_at")
    stops = ("stopped_by", "stopped_at", "stopped_because")
    return Experiment(
        state=ExperimentState(row["state"]),
        allocation=allocation,
        rules=msgspec.convert(row["rules"], ExperimentRules),
        forecasts=msgspec.convert(row["forecasts"] or {}, dict[str, Forecast]),
        **{name: row[name] for name in (*same, *stops)},
    )
