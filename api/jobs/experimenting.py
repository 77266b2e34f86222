"""The job that reads experiments from the log: their cells' decisions, and the same viewers' before. Judges nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Engine

from api.jobs.schedule import Report, Turn
from api.jobs.trusted import TrustedRows, read_trust
from api.settings import Settings
from api.storage.database import reading, transaction
from api.storage.experiments import (
    Experiment,
    ExperimentState,
    StoredReading,
    add_reading,
    find_experiment,
    list_experiments,
    list_readings,
    stop_experiment,
)
from api.storage.pages import page_id_at
from api.storage.rewards import valued_decisions
from bandit.decision import Page, Rung
from bandit.experiments.allocation import Allocation, lot_of
from bandit.experiments.cell_sums import CellSums, Seen
from bandit.experiments.reading import HOLD_BACK, ExperimentSums, Reading, read_experiment
from bandit.experiments.rehearsal import Rehearsal, rehearse
from bandit.ope.batch import Floats, viewer_keys
from bandit.rewards import QUALITY_PLAY, TAKE, WATCH_SHARE, ValuedDecision

ACTOR = "keyart-experiments"
SETTLED_AFTER = timedelta(hours=1)
"""Without a reward window, plays may come so long after the last page of an experiment."""

_ROWS_AT_ONCE = 8192


def read_cells(engine: Engine, experiment: Experiment, *, settings: Settings, now: datetime) -> ExperimentSums:
    """Sum what the viewers of each cell did since the start, and before it.

    Only final rewards count, without robots and internal traffic. The time before is that of viewers who came since.

    Raises:
        StorageUnavailable: the log cannot be read.
    """
    sums, started = ExperimentSums(), experiment.started_at
    if started is None:
        return sums
    window = _Window(engine, settings, experiment.reward)
    for part in window.rows(started, min(experiment.stopped_at or now, now)):
        _add(sums, part, allocation=experiment.allocation, reward=experiment.reward)
    for part in window.rows(started - timedelta(days=experiment.rules.days_before), started):
        _add_before(sums, part, reward=experiment.reward)
    return sums


def read_now(engine: Engine, experiment: Experiment, *, settings: Settings, now: datetime) -> Reading:
    """Read an experiment as it stands; see `read_cells`."""
    sums = read_cells(engine, experiment, settings=settings, now=now)
    return read_experiment(sums, experiment.allocation, rules=experiment.rules)


def tell_now(engine: Engine, experiment: str, *, settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything that is known of an experiment, as JSON; `reading` is None before its start.

    Raises:
        UnknownExperiment: there is none of this name.
    """
    with reading(engine) as connection:
        found = find_experiment(connection, experiment)
    started = found.started_at is not None
    told = read_now(engine, found, settings=settings, now=now).to_json() if started else None
    return {**told_of(found), "reading": told, "read_at": now.isoformat() if started else None}


def told_of(experiment: Experiment) -> dict[str, Any]:
    """An experiment's plan and state as JSON; who is dealt where stays inside."""
    facts: dict[str, Any] = msgspec.to_builtins(asdict(experiment))
    allocation = facts.pop("allocation")
    return {"experiment": experiment.name, "share": allocation["share"], "cells": allocation["cells"], **facts}


def rehearse_log(
    engine: Engine, *, settings: Settings, days: int, splits: int, seed: int, now: datetime
) -> tuple[Rehearsal, ...]:
    """Split the viewers of the last `days` at random, with as many days before, and look for what cannot be there."""
    window, sums = _Window(engine, settings, settings.reward), CellSums()
    began = now - timedelta(days=days)
    for part in window.rows(began, now):
        sums.add(_seen(part, settings.reward))
    for part in window.rows(began - timedelta(days=days), began):
        _before(sums, part, reward=settings.reward)
    return rehearse(sums, splits=splits, seed=seed)


def nothing_to_read(turn: Turn) -> str | None:
    """Nothing runs, and what was stopped is settled and read."""
    return None if _unsettled(turn) else "no experiment runs"


def read_experiments(turn: Turn) -> Report:
    """Read every experiment that runs, write down what its cells say, and stop what must not go on."""
    return Report("; ".join(_read(turn, each) for each in _unsettled(turn)) or "no experiment runs")


def _unsettled(turn: Turn) -> list[Experiment]:
    settle = turn.settings.windows.longest or SETTLED_AFTER
    with reading(turn.engine) as connection:
        found = [each for each in list_experiments(connection) if each.state is not ExperimentState.DRAFT]
        newest = {each.name: list_readings(connection, each.name, limit=1) for each in found}
    return [each for each in found if not _settled(each, newest[each.name], settle)]


def _settled(experiment: Experiment, newest: list[StoredReading], settle: timedelta) -> bool:
    """Whether an experiment is over, and was read when nothing could come any more."""
    if experiment.stopped_at is None or not newest:
        return False
    return newest[0].at >= experiment.stopped_at + settle


def _read(turn: Turn, experiment: Experiment) -> str:
    found = read_now(turn.engine, experiment, settings=turn.settings, now=turn.now)
    runs = experiment.state is ExperimentState.RUNNING
    stops = runs and experiment.rules.stops_itself and found.judged.stops
    with transaction(turn.engine) as connection:
        add_reading(connection, experiment.name, found.to_json(), now=turn.now)
        if stops:
            why = f"{found.judged.verdict}: {found.judged.message}"
            stop_experiment(connection, experiment.name, actor=ACTOR, now=turn.now, reason=why)
    return f"{experiment.name}: {found.judged.verdict}{', stopped' if stops else ''}"


@dataclass(frozen=True)
class _Window:
    """The log under one reward, some thousand rows at a time."""

    engine: Engine
    settings: Settings
    reward: str

    def rows(self, since: datetime, until: datetime) -> Iterator[list[ValuedDecision]]:
        logged = valued_decisions(self.engine, definition=self.reward, since=page_id_at(since), until=page_id_at(until))
        trust = read_trust(self.engine, caps=self.settings.caps)
        trusted = iter(TrustedRows(logged, trust))
        while part := list(islice(trusted, _ROWS_AT_ONCE)):
            yield [row for row in part if row.values.keys() >= {QUALITY_PLAY, TAKE, WATCH_SHARE}]


def _add(sums: ExperimentSums, rows: Iterable[ValuedDecision], *, allocation: Allocation, reward: str) -> None:
    by_cell: dict[str, list[ValuedDecision]] = {}
    placed: dict[str, str] = {}
    for row in rows:
        name = _cell(row.page, allocation)
        if name is None:
            continue
        by_cell.setdefault(name, []).append(row)
        if name != HOLD_BACK and placed.setdefault(row.page.viewer, _dealt_to(row.page, allocation)) != name:
            sums.misplaced += 1
    for name, own in by_cell.items():
        sums.cell(name).add(_seen(own, reward))


def _cell(page: Page, allocation: Allocation) -> str | None:
    if page.rung is Rung.HOLD_BACK:
        return HOLD_BACK
    experiment, _, cell = (page.cell or "").partition("/")
    return cell if experiment == allocation.experiment else None


def _dealt_to(page: Page, allocation: Allocation) -> str:
    found = allocation.cell_of(page.viewer, lot=lot_of(page.viewer))
    return "" if found is None else found.name


def _seen(rows: list[ValuedDecision], reward: str) -> Seen:
    return Seen(
        viewers=viewer_keys([row.page.viewer for row in rows]),
        stands_for=_stands_for(rows),
        reward=_values(rows, reward),
        play=_values(rows, TAKE),
        watched=_values(rows, WATCH_SHARE),
        earnest=np.asarray(_values(rows, QUALITY_PLAY) > 0, dtype=np.float64),
        titles=[row.decision.title for row in rows],
    )


def _add_before(sums: ExperimentSums, rows: list[ValuedDecision], *, reward: str) -> None:
    """A viewer is in one cell: each takes the rows of its own viewers."""
    for name, cell in sums.cells.items():
        if name != HOLD_BACK:
            _before(cell, rows, reward=reward)


def _before(cell: CellSums, rows: list[ValuedDecision], *, reward: str) -> None:
    keys = viewer_keys([row.page.viewer for row in rows])
    cell.add_before(keys, reward=_values(rows, reward), stands_for=_stands_for(rows))


def _stands_for(rows: list[ValuedDecision]) -> Floats:
    return np.array([1.0 / row.page.kept for row in rows], dtype=np.float64)


def _values(rows: list[ValuedDecision], definition: str) -> Floats:
    return np.array([row.values[definition] for row in rows], dtype=np.float64)
