"""`keyart evaluate`: what a policy would have earned, from a log that others made. Exit code 3 when it must refuse."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.options import AsJson, Home, settings_of

REFUSED = 3


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart evaluate --policy squarecb-1a2b3c4d5e6f")(evaluate)


def evaluate(  # a command's options are its parameters
    policy: Annotated[
        str | None,
        typer.Option(help="A version, or `uniform`. With --log: `uniform`, or none for the column target_propensity."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="A file or folder of logged decisions; else this installation's.")
    ] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="canonical=theirs; repeat for more.")] = None,
    reward_range: Annotated[
        tuple[float, float] | None, typer.Option(help="Bounds that every reward must keep.")
    ] = None,
    weight_range: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Bounds that every weight (target's probability / propensity) must keep."),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Level of the intervals.")] = 0.95,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what a policy would have earned, with intervals, from decisions that another policy made."""
    from bandit.ope.evaluation import Evaluation

    found: Evaluation
    if log is not None:
        ranges = {"reward_range": reward_range, "weight_range": weight_range}
        found, rows = _of_table(log, policy=policy, mapping=mapping or [], ranges=ranges, level=level), "all"
    else:
        found, rows = _of_own_log(policy, home=home, level=level)
    if as_json:
        typer.echo(json.dumps(found.to_json(), allow_nan=False))
    else:
        _print(found.to_json(), rows=rows)
    if found.refused:
        sys.exit(REFUSED)


def _of_own_log(policy: str | None, *, home: Path | None, level: float) -> tuple[Any, str]:
    from api.errors import BadInput
    from api.jobs.evaluating import evaluate_version
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine
    from bandit.decision import PolicyVersionId

    if policy is None:
        raise BadInput("No policy was named.", "Name one with --policy; `keyart learn` makes one.")
    settings = settings_of(home)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.home)
    evaluated = evaluate_version(engine, blobs, version=PolicyVersionId(policy), level=level)
    return evaluated.evaluation, evaluated.rows


def _of_table(
    log: Path,
    *,
    policy: str | None,
    mapping: list[str],
    ranges: dict[str, tuple[float, float] | None],
    level: float,
) -> Any:
    from api.errors import BadInput
    from api.jobs.tables import COLUMN_TARGET, UNIFORM_TARGET, LogTable, read_batches
    from bandit.ope.evaluation import evaluate

    target = policy or COLUMN_TARGET
    if target not in (COLUMN_TARGET, UNIFORM_TARGET):
        remedy = f"Use --policy {UNIFORM_TARGET}, or leave it out and give the column {COLUMN_TARGET}."
        raise BadInput(f"A table cannot be scored by {target}.", remedy)
    names = dict(_pair(each) for each in mapping)
    table = LogTable(path=log, target=target, names=names, **ranges)
    return evaluate(read_batches(table), level=level)


def _pair(text: str) -> tuple[str, str]:
    from api.errors import BadInput

    canonical, separator, theirs = text.partition("=")
    if not (canonical and separator and theirs):
        raise BadInput(f"--map {text} names no column.", "Write --map canonical=theirs, such as --map reward=clicked.")
    return canonical, theirs


def _print(found: dict[str, Any], *, rows: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    viewers = "viewers unknown" if found["viewers"] is None else f"{found['viewers']:,} viewers"
    console.print(f"{found['rows']:,} rows ({rows}), {viewers}", highlight=False)
    for refusal in found["refusals"]:
        console.print(f"[bold]REFUSED[/] {refusal['code']}: {refusal['message']}. Remedy: {refusal['remedy']}.")
    if found["estimates"]:
        table = Table("estimator", "value", "interval", "method")
        for estimate in found["estimates"]:
            interval = estimate["interval"]
            bounds = "none" if interval is None else f"[{interval['low']:.4f}, {interval['high']:.4f}]"
            method = "" if interval is None else f"{interval['level']:.0%} {interval['method']}"
            table.add_row(estimate["estimator"], f"{estimate['value']:.4f}", bounds, method)
        console.print(table)
    _print_diagnostics(console, found["diagnostics"])


def _print_diagnostics(console: Any, diagnostics: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("diagnostic", "value", show_header=False)
    for name, value in diagnostics.items():
        if name != "warnings":
            table.add_row(name, _short(value))
    console.print(table)
    for warning in diagnostics["warnings"]:
        console.print(f"[bold]NOTE[/] {warning['message']}.", highlight=False)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
