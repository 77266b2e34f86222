"""`keyart evaluate`: what a policy would have earned, from a log that others made. Exit code 3 when it must refuse."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import AsJson, Home

if TYPE_CHECKING:
    from bandit.ope.evaluation import Evaluation
    from bandit.ope.runner import Runner

BAD_INPUT, REFUSED = 2, 3


class Model(StrEnum):
    """What predicts rewards, for the estimators that need predictions."""

    NONE = "none"
    RIDGE = "ridge"
    BOOSTING = "boosting"
    VOWPAL = "vowpal"


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart evaluate --policy squarecb-1a2b3c4d5e6f --html report.html")(evaluate)


def evaluate(  # a command's options are its parameters
    policy: Annotated[
        str | None,
        typer.Option(
            help="A version, `uniform`, `default`, `most-played`, `rules:FILE` or `vw:ARGUMENTS`; with --log none "
            "means what the column target_propensity says."
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="A file or folder of logged decisions; else this installation's.")
    ] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="canonical=theirs; repeat for more.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Compare with it, row by row: as --policy, or `logging` for what was logged.")
    ] = None,
    guard: Annotated[Path | None, typer.Option(help="A JSON file of guards that act on the policy.")] = None,
    model: Annotated[Model, typer.Option(help="Predict rewards, for dm, dr, sndr, switch_dr and dros.")] = Model.NONE,
    feature: Annotated[
        list[str] | None, typer.Option(help="With --log: a column that the model may look at; repeat for more.")
    ] = None,
    segment: Annotated[
        list[str] | None, typer.Option(help="Tell where the policy wins and loses, by this column; repeat for more.")
    ] = None,
    pages: Annotated[bool, typer.Option("--pages", help="Also tell what the policy would earn a page.")] = False,
    query: Annotated[str | None, typer.Option(help="With a DuckDB file as --log: what to ask of it.")] = None,
    reward_range: Annotated[
        tuple[float, float] | None, typer.Option(help="Bounds that every reward must keep.")
    ] = None,
    weight_range: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Bounds that every weight (target's probability / propensity) must keep."),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Level of the intervals.")] = 0.95,
    reward: Annotated[
        str | None, typer.Option(help="The reward definition, on this installation's log (else KEYART_REWARD).")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="With --log: processes that share the work.")] = 1,
    ray: Annotated[
        str | None, typer.Option(help="With --log: a Ray cluster's address, or `local`; needs keyart[ray].")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report for people to this file.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what a policy would have earned, with intervals, from decisions that another policy made."""
    from api.cli.evaluation_order import Asked
    from api.jobs.logs.bad_log import BadLog
    from api.progress import progress_bar

    asked = Asked(
        policy=policy,
        log=log,
        mapping=tuple(mapping or ()),
        baseline=baseline,
        guard=guard,
        model=model.value,
        features=tuple(feature or ()),
        segments=tuple(segment or ()),
        pages=pages,
        query=query,
        reward_range=reward_range,
        weight_range=weight_range,
        level=level,
        reward=reward,
        home=home,
    )
    try:
        with progress_bar("Evaluating") as progress, _runner(jobs, ray) as runner:
            found, rows = asked.answered(runner, progress)
    except BadLog as error:
        if as_json:
            typer.echo(json.dumps(_nothing_but(error.refusal().to_json())))
        raise
    _tell(found, rows=rows, html=html, as_json=as_json)


@contextmanager
def _runner(jobs: int, ray: str | None) -> "Generator[Runner]":
    from api.jobs.runners.pool import process_pool
    from api.jobs.runners.ray_runner import ray_runner
    from bandit.ope.runner import Serial

    if ray is not None:
        with ray_runner(None if ray == "local" else ray, cores=jobs if ray == "local" else None) as runner:
            yield runner
    elif jobs > 1:
        with process_pool(jobs) as pool:
            yield pool
    else:
        yield Serial()


def _tell(evaluation: "Evaluation", *, rows: str, html: Path | None, as_json: bool) -> None:
    """Print and write what was found, and exit: 2 where the log is at fault, 3 where it does not say enough."""
    from api.cli.evaluation_text import print_evaluation
    from api.report.rendering import render_report

    found = evaluation.to_json()
    faults = [refusal for refusal in evaluation.refusals if refusal.bad_input]
    if html is not None and not faults:
        _write(html, render_report(found))
    if as_json:
        typer.echo(json.dumps(found, allow_nan=False))
    elif not faults:
        print_evaluation(found, rows=rows)
    if faults:
        said = " ".join(f"{_sentence(each.message)} {_sentence(each.remedy)}" for each in faults)
        typer.echo(f"keyart: {said}", err=True)
        sys.exit(BAD_INPUT)
    if evaluation.refused:
        sys.exit(REFUSED)


def _write(path: Path, text: str) -> None:
    """Write the whole file or none."""
    from api.errors import BadInput

    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput(f"{path} cannot be written.", "Give --html a file in a folder that can be written.") from error


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}."


def _nothing_but(refusal: dict[str, Any]) -> dict[str, Any]:
    """The object of a log that could not be read."""
    return {"rows": 0, "viewers": None, "estimates": [], "diagnostics": {}, "refusals": [refusal]}
