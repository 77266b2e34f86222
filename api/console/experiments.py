"""Experiments: what their cells say, drawn, beside what was foretold of them; started and stopped with a reason.

The worker's job reads the log every hour; these pages show what it wrote down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.console.forms import FormDep
from api.console.orders import reason_form
from api.console.refusals import ConsoleRoute
from api.console.rendering import rendered
from api.dependencies.access import ActorDep
from api.dependencies.experiments import begin_experiment, end_experiment
from api.dependencies.promotion import Order
from api.dependencies.requests import ServicesDep
from api.errors import BadInput
from api.report.curves import Curve, Dated, curve_of
from api.report.forest import Entry, Forest, forest_of
from api.storage.database import reading
from api.storage.experiments import (
    Experiment,
    Forecast,
    StoredReading,
    find_experiment,
    list_experiments,
    list_readings,
)
from bandit.experiments.effects import REWARD
from bandit.experiments.reading import HOLD_BACK

router = APIRouter(include_in_schema=False, route_class=ConsoleRoute)

ExperimentPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
LOOKED_BACK = 400
"""As many readings are drawn: with one an hour, those of two weeks."""

_COLOURS = {"broken": "bad", "harm": "bad", "better": "good", "same": "", "open": ""}
_WORDS = {
    "completion": "share of a play watched",
    "abandonment": "plays given up",
    "diversity": "titles watched, in effect",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellShown:
    """A cell as it was read, and what was foretold of its policy before the start."""

    told: Mapping[str, Any]
    share: float | None
    forecast: Forecast | None


@router.get("/console/experiments")
def experiments(request: Request, services: ServicesDep) -> Response:
    """List the experiments: the running ones first, then the newest."""
    with reading(services.engine) as connection:
        found = sorted(list_experiments(connection), key=lambda each: each.created_at, reverse=True)
        newest = {each.name: next(iter(list_readings(connection, each.name, limit=1)), None) for each in found}
    rows = [(each, newest[each.name]) for each in sorted(found, key=lambda each: each.state != "running")]
    return rendered(request, services, "experiments.html", {"rows": rows, "colours": _COLOURS})


@router.get("/console/experiments/{experiment}")
def experiment_page(experiment: ExperimentPath, request: Request, services: ServicesDep) -> Response:
    """Show one experiment: verdict, lifts, guardrails, cells and forecasts, and how the lift settled."""
    with reading(services.engine) as connection:
        found = find_experiment(connection, experiment)
        readings = list_readings(connection, experiment, limit=LOOKED_BACK)
    latest = readings[0].result if readings else None
    context = {
        "experiment": found,
        "latest": latest,
        "read_at": readings[0].at if readings else None,
        "colours": _COLOURS,
        "forest": lifts(latest) if latest else None,
        "cells": cells(found, latest) if latest else [],
        "curves": settling(found, readings),
        "held_back": held_back(latest) if latest else None,
    }
    return rendered(request, services, "experiment.html", context)


@router.post("/console/experiments/{experiment}/start")
def start(experiment: ExperimentPath, services: ServicesDep, sent: FormDep, actor: ActorDep) -> Response:
    """Let the cells decide."""
    order = _order(sent, actor)
    begin_experiment(
        services.engine, services.blobs, experiment=experiment, order=order, examiner=services.live.examiner
    )
    services.refresh()
    return _shown(experiment)


@router.post("/console/experiments/{experiment}/stop")
def stop(experiment: ExperimentPath, services: ServicesDep, sent: FormDep, actor: ActorDep) -> Response:
    """End an experiment."""
    end_experiment(services.engine, experiment=experiment, order=_order(sent, actor))
    services.refresh()
    return _shown(experiment)


def lifts(latest: Mapping[str, Any]) -> Forest | None:
    """Every comparison as a relative lift in percent, with the interval that holds at all looks."""
    entries = [
        Entry(
            name=f"{each['cell']}: {_WORDS.get(each['metric'], each['metric'])}",
            value=100.0 * each["lift"],
            low=_percent(each["lift_low"]),
            high=_percent(each["lift_high"]),
            colour="target" if not each["guardrail"] else "baseline",
            note="guardrail" if each["guardrail"] else "",
        )
        for each in latest["comparisons"]
        if each["lift"] is not None and each["cell"] != HOLD_BACK
    ]
    return forest_of(entries, line=0.0, line_told="no difference from control") if entries else None


def held_back(latest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The comparison of the viewers who are held back with control, where there are such."""
    return next((each for each in latest["comparisons"] if each["cell"] == HOLD_BACK), None)


def cells(experiment: Experiment, latest: Mapping[str, Any]) -> list[CellShown]:
    """The cells that were read, with their planned share; held-back viewers have none."""
    allocation = experiment.allocation
    planned = dict(zip((cell.name for cell in allocation.cells), allocation.shares, strict=True))
    return [
        CellShown(told=each, share=planned.get(each["cell"]), forecast=experiment.forecasts.get(each["policy"]))
        for each in latest["cells"]
    ]


def settling(experiment: Experiment, readings: Sequence[StoredReading]) -> list[tuple[str, Curve]]:
    """How the lift of each cell's reward settled from reading to reading; none before there are two."""
    drawn: list[tuple[str, Curve]] = []
    for cell in experiment.allocation.cells[1:]:
        dated = [_dated(each, cell.name) for each in reversed(readings)]
        curve = curve_of([one for one in dated if one is not None])
        if curve is not None:
            drawn.append((cell.name, curve))
    return drawn


def _dated(stored: StoredReading, cell: str) -> Dated | None:
    for each in stored.result["comparisons"]:
        if each["cell"] == cell and each["metric"] == REWARD.name and each["lift"] is not None:
            lift = 100.0 * each["lift"]
            told = f"{stored.at:%Y-%m-%d %H:%M}: {lift:+.2f} %"
            low, high = _percent(each["lift_low"]), _percent(each["lift_high"])
            return Dated(day=f"{stored.at:%Y-%m-%d}", value=lift, low=low, high=high, told=told)
    return None


def _percent(part: float | None) -> float | None:
    return None if part is None else 100.0 * part


def _order(sent: Mapping[str, str], actor: str) -> Order:
    form = reason_form(sent)
    if form.errors:
        raise BadInput(form.errors["reason"], "Go back and fill it in.")
    return Order(actor=actor, reason=form.reason, at=datetime.now(UTC), force=sent.get("force") == "yes")


def _shown(experiment: str) -> Response:
    return RedirectResponse(f"/console/experiments/{quote(experiment)}", status_code=303)
