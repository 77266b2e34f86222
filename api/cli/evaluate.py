"""`keyart evaluate`: what a policy would have earned, from a log that others made. Exit code 3 when it must refuse."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, cast

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
    reward: Annotated[
        str | None, typer.Option(help="The reward definition, on this installation's log (else KEYART_REWARD).")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what a policy would have earned, with intervals, from decisions that another policy made."""
    from api.progress import progress_bar
    from bandit.ope.evaluation import Evaluation

    found: Evaluation
    with progress_bar("Evaluating"):
        if log is not None:
            ranges = {"reward_range": reward_range, "weight_range": weight_range}
            found, rows = _of_table(log, policy=policy, mapping=mapping or [], ranges=ranges, level=level), "all"
        else:
            found, rows = _of_own_log(policy, home=home, level=level, reward=reward)
    if as_json:
        typer.echo(json.dumps(found.to_json(), allow_nan=False))
    else:
        _print(found.to_json(), rows=rows)
    if found.refused:
        sys.exit(REFUSED)


def _of_own_log(policy: str | None, *, home: Path | None, level: float, reward: str | None) -> tuple[Any, str]:
    from api.errors import BadInput
    from api.jobs.assessing import assess_version
    from api.jobs.judging import artwork_reports
    from api.jobs.trusted import measure_of
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine
    from bandit.decision import PolicyVersionId
    from bandit.rewards import reward_definition

    if policy is None:
        raise BadInput("No policy was named.", "Name one with --policy; `keyart learn` makes one.")
    settings = settings_of(home)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    definition = reward_definition(reward or settings.reward).key
    baits = artwork_reports(engine, settings=settings).baits
    version = PolicyVersionId(policy)
    measure = measure_of(settings, reward=definition, level=level)
    evaluated = assess_version(engine, blobs, version=version, measure=measure, baits=baits)
    left_out = f"; {evaluated.skipped:,} rows left out: an artwork has no vector" if evaluated.skipped else ""
    return evaluated.evaluation, evaluated.rows + left_out


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
    from bandit.ope.evaluation import Question, evaluate

    target = policy or COLUMN_TARGET
    if target not in (COLUMN_TARGET, UNIFORM_TARGET):
        remedy = f"Use --policy {UNIFORM_TARGET}, or leave it out and give the column {COLUMN_TARGET}."
        raise BadInput(f"A table cannot be scored by {target}.", remedy)
    names = dict(_pair(each) for each in mapping)
    table = LogTable(path=log, target=target, names=names, **ranges)
    return evaluate(read_batches(table), Question(level=level))


def _pair(text: str) -> tuple[str, str]:
    from api.errors import BadInput

    canonical, separator, theirs = text.partition("=")
    if not (canonical and separator and theirs):
        raise BadInput(f"--map {text} names no column.", "Write --map canonical=theirs, such as --map reward=clicked.")
    return canonical, theirs


def _print(found: dict[str, Any], *, rows: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)  # a log's own names may look like markup
    viewers = "viewers unknown" if found["viewers"] is None else f"{found['viewers']:,} viewers"
    console.print(f"{found['rows']:,} rows ({rows}), {viewers}")
    for refusal in found["refusals"]:
        console.print(f"REFUSED {refusal['code']}: {refusal['message']}. Remedy: {refusal['remedy']}.")
    diagnostics = found["diagnostics"]
    table = Table("what", "estimator", "value", "interval", "method")
    for what, estimate in _told(found):
        table.add_row(what, *_estimate(estimate))
    if table.row_count:
        console.print(table)
    for name, value in _flat({key: each for key, each in diagnostics.items() if key not in _PRINTED_APART}):
        console.print(f"{name:>38}  {value}")
    for one in _calibration(diagnostics):
        mean = f"{one['mean']:.3f} ± {one['standard_error']:.3f}, where 1 is right"
        console.print(f"{'calibration of ' + one['artwork']:>38}  {mean}")
    for warning in diagnostics["warnings"]:
        console.print(f"NOTE {warning['message']}.")


_PRINTED_APART = ("warnings", "baselines")
_WORST_SHOWN = 3


def _told(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The estimates of the target, then those of what it is compared with."""
    yield from (("the target", each) for each in found["estimates"])
    baselines = cast(dict[str, Any], found["diagnostics"].get("baselines") or {})
    names = {"logging": "what was logged", "uniform": "uniform"}
    yield from ((names[name], each) for name, each in baselines.items() if each is not None)


def _calibration(diagnostics: dict[str, Any]) -> list[dict[str, Any]]:
    known = cast(dict[str, Any], diagnostics.get("calibration") or {})
    return cast(list[dict[str, Any]], known.get("worst") or [])[:_WORST_SHOWN]


def _estimate(estimate: dict[str, Any]) -> tuple[str, str, str, str]:
    interval = estimate["interval"]
    if interval is None:
        return estimate["estimator"], f"{estimate['value']:.4f}", "none", ""
    bounds = f"{interval['low']:.4f} to {interval['high']:.4f}"
    return estimate["estimator"], f"{estimate['value']:.4f}", bounds, f"{interval['level']:.0%} {interval['method']}"


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        label = f"{prefix} {name}".strip().replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(cast(dict[str, Any], value), label)
        elif value is not None and not isinstance(value, list):
            yield label, f"{value:.6g}" if isinstance(value, float) else str(value)
