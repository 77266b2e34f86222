"""`keyart forecasts`: what was foretold of every promotion, beside what came of it."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from api.cli.options import AsJson, Home, settings_of


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart forecasts --json")(forecasts)


def forecasts(
    version: Annotated[str | None, typer.Option(help="Of this version only.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List forecasts that promotions rested on, beside what the versions then earned. `keyart worker` reads the log."""
    from api.dependencies.forecasts import coverage_of, read_paired
    from api.storage.database import open_engine, reading
    from api.storage.policies import BUILT_IN, find_policy_version

    with reading(open_engine(settings_of(home).database_url)) as connection:
        if version is not None and version not in BUILT_IN:
            find_policy_version(connection, version)
        found = read_paired(connection, version=version)
    told = {"forecasts": [each.to_json() for each in found], "coverage": asdict(coverage_of(found))}
    if as_json:
        typer.echo(json.dumps(told, allow_nan=False))
    else:
        _print(told)


def _print(told: dict[str, Any]) -> None:
    from rich.table import Column, Table

    from api.cli.paper import paper

    table = Table(Column("version", no_wrap=True), "stage", "since", "foretold", "observed", "decisions", "came true")
    for each in told["forecasts"]:
        seen = each["observed"]
        decisions = "" if seen is None else f"{seen['rows']:,}"
        table.add_row(
            each["version"],
            each["stage"],
            each["began_at"][:10],
            _range(each["foretold"]),
            "nothing yet" if seen is None else _range(seen),
            decisions,
            {True: "yes", False: "no", None: "cannot be told yet"}[each["came_true"]],
        )
    counted = told["coverage"]
    if table.row_count:
        paper().print(table)
    share = "" if counted["share"] is None else f" ({counted['share']:.0%})"
    typer.echo(f"{counted['covered']} of {counted['settled']} forecasts that can be told came true{share}.")


def _range(told: dict[str, Any]) -> str:
    ends = "" if told["low"] is None else f" ({told['low']:.4f} to {told['high']:.4f})"
    return f"{told['value']:.4f}{ends}"
