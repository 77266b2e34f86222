"""`keyart plan`: how much log a question needs, and what exploring costs and buys."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import AsJson, Home, settings_of

if TYPE_CHECKING:
    from bandit.ope.diagnosis.faults import Refusal
    from bandit.ope.planning import Planner

REFUSED = 3


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart plan --policy squarecb-1a2b3c4d5e6f --lift 0.01")(plan)


def plan(  # a command's options are its parameters
    policy: Annotated[
        str | None,
        typer.Option(help="The policy in question, as for `keyart evaluate`; with --log none: its target_propensity."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="A file or folder of logged decisions; else this installation's.")
    ] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="canonical=theirs; repeat for more.")] = None,
    lift: Annotated[float, typer.Option(min=1e-6, max=10.0, help="The relative lift that shall be seen.")] = 0.01,
    power: Annotated[float, typer.Option(min=0.5, max=0.999, help="How probably it shall be seen.")] = 0.8,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Level of the intervals.")] = 0.95,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say how many more decisions a question needs, off-policy and online, and what exploring costs and buys."""
    from api.progress import progress_bar
    from bandit.ope.planning import Question

    with progress_bar("Reading the log"):
        planner = _planner(policy, log, mapping=mapping or [], home=home)
    refusals = planner.refusals()
    if refusals:
        _refuse(refusals, as_json=as_json)
    question = Question(lift=lift, level=level, power=power)
    found = planner.plan(question).to_json()
    if as_json:
        typer.echo(json.dumps({**found, "refusals": []}, allow_nan=False))
    else:
        _print(found, lift=lift, power=power)


def _planner(policy: str | None, log: Path | None, *, mapping: Sequence[str], home: Path | None) -> "Planner":
    from api.cli.evaluation_order import pair_of
    from api.jobs.logs.table import LogTable
    from api.jobs.planning import plan_on_own, plan_on_table
    from api.jobs.trusted import measure_of
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine

    if log is not None:
        return plan_on_table(LogTable(path=log, names=dict(map(pair_of, mapping))), policy)
    settings = settings_of(home)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    return plan_on_own(engine, blobs, policy or "uniform", measure=measure_of(settings))


def _refuse(refusals: "Sequence[Refusal]", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"refusals": [each.to_json() for each in refusals]}))
    for each in refusals:
        sys.stderr.write(f"keyart: {each.message}. Remedy: {each.remedy}.\n")
        break
    sys.exit(2 if any(each.bad_input for each in refusals) else REFUSED)


def _print(found: Mapping[str, Any], *, lift: float, power: float) -> None:
    from api.cli.paper import paper

    out = paper()
    days = "" if found["days"] is None else f", {found['days']:,.1f} days"
    out.print(f"{found['rows']:,} rows{days}, worth {_worth(found['logged'])} each", highlight=False)
    if found["target"] is not None:
        out.print(f"the target would be worth {_worth(found['target'])}", highlight=False)
        out.print(f"this log shows a lift of {found['seen_now']:.2%} or more ({power:.0%} of the time)")
    for name, title in (("off_policy", "off-policy, in a log like this one"), ("online", "online, two equal cells")):
        _print_needs(found[name], title=title, lift=lift)
    _print_prices(found)


def _print_needs(needs: Sequence[Mapping[str, Any]], *, title: str, lift: float) -> None:
    from rich.table import Table

    from api.cli.paper import paper

    if not needs:
        return
    table = Table(f"lift, {title}", "decisions", "more than now", "days more")
    for each in needs:
        days = "unknown" if each["days"] is None else f"{each['days']:,.1f}"
        asked = " (asked)" if each["lift"] == lift else ""
        table.add_row(f"{each['lift']:.1%}{asked}", f"{each['rows']:,.0f}", f"{each['more']:,.0f}", days)
    paper().print(table)


def _print_prices(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    from api.cli.paper import paper

    if not found["prices"]:
        return
    paper().print(f"exploring cost {_worth(found['exploring'])} a decision, beside the log's own favourites")
    table = Table("shown at random besides", "costs", "decisions needed")
    for each in found["prices"]:
        factor = "never enough" if each["rows_factor"] is None else f"{each['rows_factor']:.2f} times"
        cost = "unknown" if each["lost_part"] is None else f"{each['lost_part']:+.2%} of what is earned"
        table.add_row(f"{each['share']:.0%}", cost, factor)
    paper().print(table)


def _worth(worth: Mapping[str, float] | None) -> str:
    return "unknown" if worth is None else f"{worth['value']:.4f} ({worth['low']:.4f} to {worth['high']:.4f})"
