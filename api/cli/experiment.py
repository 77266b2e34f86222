"""`keyart experiment`: online comparisons of policy versions, from a plan to what the cells say."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.cli.options import AsJson, Home, Why, actor, checked_text, settings_of

app = typer.Typer(
    help="Let policy versions decide for cells of viewers, and compare what they earn.",
    epilog="Example: keyart experiment create warm --cell control=live --cell warm=squarecb-1a2b3c4d5e6f --share 0.2",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="What the experiment is called.")]


@app.command(
    epilog="Example: keyart experiment create warm --cell control=live --cell warm=squarecb-1a2b3c4d5e6f --share 0.2"
)
def create(  # a command's options are its parameters
    name: Name,
    cell: Annotated[
        list[str], typer.Option(help="name=version or name=version:weight, the first is control; `live` is a version.")
    ],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="The part of the viewers that take part.")] = 0.1,
    hypothesis: Annotated[
        str, typer.Option(callback=checked_text, help="What is expected, and why; kept with the result.")
    ] = "",
    smallest_lift: Annotated[float, typer.Option(help="The relative lift that is worth telling from none.")] = 0.02,
    risk: Annotated[float, typer.Option(help="How probably a difference may be found where there is none.")] = 0.05,
    guardrail: Annotated[
        list[str] | None,
        typer.Option(help="completion, abandonment or diversity; repeat for more (all three); `none` for none."),
    ] = None,
    days_before: Annotated[int, typer.Option(help="Days before the start that adjust the comparison.")] = 28,
    stops_itself: Annotated[bool, typer.Option(help="Stop by itself where it harms or is broken.")] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Plan an experiment. Nothing is dealt before `keyart experiment start`."""
    from api.dependencies.experiments import cells_from, create_experiment, guardrails_from
    from api.storage.database import open_engine
    from api.storage.experiments import ExperimentPlan
    from bandit.experiments.rules import ExperimentRules

    settings = settings_of(home)
    rules = ExperimentRules(
        risk=risk,
        smallest_lift=smallest_lift,
        guardrails=guardrails_from(guardrail),
        days_before=days_before,
        stops_itself=stops_itself,
    )
    plan = ExperimentPlan(
        experiment=name,
        hypothesis=hypothesis,
        share=share,
        cells=cells_from(cell),
        reward=settings.reward,
        rules=rules,
    )
    made = create_experiment(open_engine(settings.database_url), plan, actor=actor(), now=datetime.now(UTC))
    _say({"experiment": made.name, "state": made.state}, f"{made.name} is a {made.state}; start it.", as_json=as_json)


@app.command(epilog="Example: keyart experiment start warm")
def start(
    name: Name,
    reason: Why = "started from the command line",
    force: Annotated[bool, typer.Option(help="Start against the gate; what it had against it is not hidden.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let the cells decide for their viewers. Running servers follow within moments."""
    from api.dependencies.experiments import begin_experiment
    from api.dependencies.promotion import Order
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine

    settings = settings_of(home)
    order = Order(actor=actor(), reason=reason, at=datetime.now(UTC), force=force)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    begun = begin_experiment(engine, blobs, experiment=name, order=order)
    said = f"{name} runs for {begun.allocation.share:.1%} of the viewers."
    _say({"experiment": begun.name, "state": begun.state}, said, as_json=as_json)


@app.command(epilog='Example: keyart experiment stop warm --reason "seen enough"')
def stop(name: Name, reason: Why = "stopped from the command line", home: Home = None, as_json: AsJson = False) -> None:
    """End an experiment: what is live decides for its viewers again."""
    from api.dependencies.experiments import end_experiment
    from api.dependencies.promotion import Order
    from api.storage.database import open_engine

    order = Order(actor=actor(), reason=reason, at=datetime.now(UTC))
    ended = end_experiment(open_engine(settings_of(home).database_url), experiment=name, order=order)
    _say({"experiment": ended.name, "state": ended.state}, f"{name} is stopped.", as_json=as_json)


@app.command("list", epilog="Example: keyart experiment list")
def list_all(home: Home = None, as_json: AsJson = False) -> None:
    """List the experiments."""
    from rich.table import Table

    from api.cli.paper import paper
    from api.storage.database import open_engine, reading
    from api.storage.experiments import list_experiments

    with reading(open_engine(settings_of(home).database_url)) as connection:
        found = list_experiments(connection)
    told = [{"experiment": each.name, "state": each.state, "share": each.allocation.share} for each in found]
    if as_json:
        typer.echo(json.dumps({"experiments": told}))
        return
    table = Table("experiment", "state", "share", "cells")
    for each in found:
        cells = ", ".join(f"{cell.name} ({cell.policy})" for cell in each.allocation.cells)
        table.add_row(each.name, each.state, f"{each.allocation.share:.1%}", cells)
    paper().print(table)


@app.command(epilog="Example: keyart experiment show warm --json")
def show(name: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Read what the cells say now: verdict, lifts, guardrails, the sample ratio, and the forecasts beside."""
    from api.cli.paper import paper
    from api.jobs.experimenting import tell_now
    from api.progress import progress_bar
    from api.storage.database import open_engine

    settings = settings_of(home)
    with progress_bar("Reading the log"):
        told = tell_now(open_engine(settings.database_url), name, settings=settings, now=datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(told, allow_nan=False))
        return
    paper().print(f"{name}: {told['state']}. {told['hypothesis']}", highlight=False, markup=False)
    if told["reading"] is not None:
        _print(told)


@app.command(epilog="Example: keyart experiment rehearse --days 28")
def rehearse(
    days: Annotated[int, typer.Option(min=1, max=365, help="Days of the log, and as many before them.")] = 14,
    splits: Annotated[int, typer.Option(min=20, max=2000, help="How often viewers are split.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the splits.")] = 0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compare viewers whom nobody treated differently (A/A): are intervals sound here, and what lift would be found?"""
    from dataclasses import asdict

    from api.cli.paper import paper
    from api.jobs.experimenting import rehearse_log
    from api.progress import progress_bar
    from api.storage.database import open_engine

    settings = settings_of(home)
    with progress_bar("Splitting viewers"):
        found = rehearse_log(
            open_engine(settings.database_url),
            settings=settings,
            days=days,
            splits=splits,
            seed=seed,
            now=datetime.now(UTC),
        )
    if as_json:
        typer.echo(json.dumps({"rehearsals": [asdict(each) for each in found]}))
        return
    for each in found:
        sound = "as it should be" if each.sound else "MORE THAN CHANCE: intervals here are too short"
        paper().print(
            f"{each.metric}: {each.alarms:.1%} of {each.splits} splits found a difference, {sound}. A lift of "
            f"{each.smallest_lift:.2%} would be found ({each.without_before:.2%} without the time before)."
        )


def _print(told: Mapping[str, Any]) -> None:
    from rich.table import Table

    from api.cli.paper import paper

    found = told["reading"]
    verdict, ratio = found["verdict"], found["sample_ratio"]
    table = Table("cell", "metric", "control", "cell's", "lift", "at all looks", "which way")
    for each in found["comparisons"]:
        lifts = [_percent(each[name]) for name in ("lift", "lift_low", "lift_high")]
        means = [f"{each[name]:.4f}" for name in ("control", "value")]
        table.add_row(each["cell"], each["metric"], *means, lifts[0], f"{lifts[1]} to {lifts[2]}", each["standing"])
    out = paper()
    out.print(f"{verdict['verdict'].upper()}: {verdict['message']}. Remedy: {verdict['remedy']}.", highlight=False)
    out.print(table)
    _print_cells(found["cells"])
    mismatch = "MISMATCH" if ratio["mismatch"] else "as planned"
    out.print(f"sample ratio {mismatch} (p = {ratio['p_value']:.3g} at one look, {ratio['always_valid_p']:.3g} at all)")
    for name, forecast in told["forecasts"].items():
        value = "none" if forecast["value"] is None else f"{forecast['value']:.4f}"
        out.print(f"forecast of {name} before the start: {value}", highlight=False)


def _print_cells(cells: Sequence[Mapping[str, Any]]) -> None:
    from api.cli.paper import paper

    for each in cells:
        mean = each["metrics"]["reward"]
        worth = "nothing" if mean is None else f"{mean[0]:.4f} ± {mean[1]:.4f}"
        said = f"{each['cell']} ({each['policy']}): {each['viewers']:,} viewers, {each['decisions']:,.0f} decisions"
        paper().print(f"{said}, worth {worth} each", highlight=False)


def _percent(part: float | None) -> str:
    return "unknown" if part is None else f"{part:+.2%}"


def _say(record: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(record) if as_json else text)
