"""Experiments, from a plan to its end: checked before any cell decides for anyone (C7). Knows no log."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from api.dependencies.promotion import Order, check_usable, hear_gate
from api.errors import BadInput
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.evaluations import latest_evaluation
from api.storage.experiments import (
    Experiment,
    ExperimentPlan,
    Forecast,
    add_experiment,
    find_experiment,
    start_experiment,
    stop_experiment,
)
from api.storage.policies import BUILT_IN, find_policy_version, live_version
from bandit.decision import PolicyVersionId
from bandit.examination import Examiner
from bandit.experiments.allocation import Allocation, Cell
from bandit.experiments.rules import Guardrail

LIVE = "live"
"""In a plan: the version that is live when the plan is made. It stays that version, whatever is promoted later."""

NONE = "none"
_CELL = re.compile(r"(?P<name>[^=:]+)=(?P<policy>[^=:]+)(?::(?P<weight>[^=:]+))?")


def cells_from(written: Sequence[str]) -> tuple[Cell, ...]:
    """Read cells as people write them, `name=version` or `name=version:weight`.

    Raises:
        BadInput: one is written otherwise.
    """
    return tuple(map(_cell_from, written))


def guardrails_from(named: Sequence[str] | None) -> tuple[Guardrail, ...]:
    """Read guardrails by name: None for all of them, `none` alone for none.

    Raises:
        BadInput: there is no such guardrail.
    """
    if named is None:
        return tuple(Guardrail)
    try:
        return tuple(dict.fromkeys(Guardrail(each) for each in named if each != NONE))
    except ValueError as error:
        raise BadInput(f"{error}.", f"Guardrails are {', '.join(Guardrail)}, or {NONE}.") from error


def create_experiment(engine: Engine, plan: ExperimentPlan, *, actor: str, now: datetime) -> Experiment:
    """Keep a plan whose cells name versions that exist, or `live`.

    Raises:
        UnknownVersion: there is no such version.
        Conflict, BadInput: see `api.storage.experiments.add_experiment`.
    """
    with transaction(engine) as connection:
        cells = tuple(_named(connection, cell) for cell in plan.cells)
        return add_experiment(connection, replace(plan, cells=cells), actor=actor, now=now)


def begin_experiment(
    engine: Engine, blobs: BlobStore, *, experiment: str, order: Order, examiner: Examiner | None = None
) -> Experiment:
    """Let the cells decide, after loading each one's version whole. Running servers follow within moments.

    A version that learned must pass the gate as a canary must, unless it is live or the order has force.

    Raises:
        UnknownExperiment, UnknownVersion: there is none of this name.
        DamagedFile, MissingFile, Conflict: a version cannot decide, or the experiment cannot start.
    """
    with reading(engine) as connection:
        versions = _versions(find_experiment(connection, experiment).allocation)
    for version in versions:
        check_usable(engine, blobs, version, examiner=examiner or Examiner())
    with transaction(engine) as connection:
        order.check(connection)
        for version in versions:
            hear_gate(connection, version, order)
        told = {str(version): _forecast(connection, version) for version in versions}
        forecasts = {version: found for version, found in told.items() if found is not None}
        return start_experiment(
            connection, experiment, actor=order.actor, now=order.at, reason=order.reason, forecasts=forecasts
        )


def end_experiment(engine: Engine, *, experiment: str, order: Order) -> Experiment:
    """End an experiment; what is live decides for its viewers again.

    Raises:
        UnknownExperiment: there is none of this name.
        Conflict: it does not run.
    """
    with transaction(engine) as connection:
        order.check(connection)
        return stop_experiment(connection, experiment, actor=order.actor, now=order.at, reason=order.reason)


def _cell_from(written: str) -> Cell:
    match = _CELL.fullmatch(written)
    try:
        weight = float(match["weight"] or 1.0) if match else None
    except ValueError:
        weight = None
    if match is None or weight is None:
        remedy = "Write name=version or name=version:weight, such as control=live or warm=squarecb-1a2b3c4d5e6f:2."
        raise BadInput(f"{written!r} is no cell.", remedy)
    return Cell(name=match["name"], policy=PolicyVersionId(match["policy"]), weight=weight)


def _named(connection: Connection, cell: Cell) -> Cell:
    version = live_version(connection) if cell.policy == LIVE else cell.policy
    if version not in BUILT_IN:
        find_policy_version(connection, version)
    return Cell(name=cell.name, policy=version, weight=cell.weight)


def _versions(allocation: Allocation) -> list[PolicyVersionId]:
    return list(dict.fromkeys(cell.policy for cell in allocation.cells))


def _forecast(connection: Connection, version: PolicyVersionId) -> Forecast | None:
    found = latest_evaluation(connection, version)
    if found is None:
        return None
    result = found.result
    return Forecast(
        policy=version,
        at=found.at,
        value=result.value,
        low=result.low,
        high=result.high,
        live=result.live,
        live_value=result.live_value,
        reward=result.reward,
    )
