"""`keyart evaluate`: what a policy would have earned, from a log that others made. Exit code 3 when it must refuse."""

import json
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.cli import evaluation_options as options
from api.cli.options import AsJson, Home

if TYPE_CHECKING:
    from api.cli.evaluation_order import Asked
    from api.errors import KeyartError
    from bandit.errors import BanditError
    from bandit.ope.evaluation import Evaluation
    from bandit.ope.runner import Runner

BAD_INPUT, REFUSED = 2, 3


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart evaluate --policy squarecb-1a2b3c4d5e6f --html report.html")(evaluate)


def evaluate(  # a command's options are its parameters
    policy: options.Policy = None,
    log: options.Log = None,
    mapping: options.Mapping = None,
    baseline: options.Baseline = None,
    guard: options.Guard = None,
    model: options.RewardModel = options.Model.NONE,
    feature: options.Feature = None,
    segment: options.Segment = None,
    pages: options.Pages = False,
    query: options.Query = None,
    reward_range: options.RewardRange = None,
    weight_range: options.WeightRange = None,
    level: options.Level = 0.95,
    reward: options.Reward = None,
    jobs: options.Jobs = 1,
    ray: options.Ray = None,
    html: options.Html = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what a policy would have earned, with intervals, from decisions that another policy made."""
    from api.cli.evaluation_order import Asked

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
    found, rows = _answered(asked, jobs=jobs, ray=ray, as_json=as_json)
    _tell(found, rows=rows, html=html, as_json=as_json)


def _answered(asked: "Asked", *, jobs: int, ray: str | None, as_json: bool) -> "tuple[Evaluation, str]":
    from api.errors import KeyartError
    from api.progress import progress_bar
    from bandit.errors import BanditError

    try:
        with progress_bar("Evaluating") as progress, _runner(jobs, ray) as runner:
            found, rows = _found(asked, runner, progress)
    except (KeyartError, BanditError) as error:
        if as_json:
            typer.echo(json.dumps(_nothing_but(_named(error))))
        raise
    return found, rows


def _found(asked: "Asked", runner: "Runner", progress: "Callable[[float], None]") -> "tuple[Evaluation, str]":
    if asked.log is not None:
        found = asked.of_table(asked.log, runner, progress)
        found.diagnostics["question"] = asked.said_of(asked.log)
        return found, "all"
    from api.cli.evaluation_own import evaluated_own  # it opens an installation, which a table does not need

    return evaluated_own(asked)


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


def _named(error: "KeyartError | BanditError") -> dict[str, Any]:
    """What was refused before any row was valued, as a refusal: its name, what is wrong, and the remedy."""
    from api.errors import KeyartError
    from api.jobs.logs.bad_log import BadLog

    if isinstance(error, BadLog):
        return error.refusal().to_json()
    if isinstance(error, KeyartError):
        said = {"message": error.message.removesuffix("."), "remedy": error.remedy.removesuffix(".")}
        return {"code": error.code, **said, "rows": []}
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
    message, _, remedy = str(error).rpartition(": ")
    return {"code": code, "message": message or remedy, "remedy": remedy, "rows": []}


def _nothing_but(refusal: dict[str, Any]) -> dict[str, Any]:
    """The object of a log that could not be read."""
    return {"rows": 0, "viewers": None, "estimates": [], "diagnostics": {}, "refusals": [refusal]}
