"""`keyart policies`, `promote`, `retire` and `rollback`: policy versions, from candidate to deciding and back."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from api.cli.options import AsJson, Home, Why, actor, settings_of


class Aim(StrEnum):
    """Where a version can be promoted to."""

    SHADOW = "shadow"
    CANARY = "canary"
    LIVE = "live"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(epilog="Example: keyart policies")(policies)
    app.command(epilog='Example: keyart promote squarecb-1a2b3c4d5e6f --stage canary --share 0.1 --reason "try it"')(
        promote
    )
    app.command(epilog='Example: keyart retire squarecb-1a2b3c4d5e6f --reason "slow on televisions"')(retire)
    app.command(epilog='Example: keyart rollback --reason "fewer plays since noon"')(rollback)


def policies(home: Home = None, as_json: AsJson = False) -> None:
    """List the policy versions: how far each decides, and what its newest evaluation said."""
    from rich.table import Column, Table

    from api.cli.paper import paper
    from api.jobs.status import list_versions

    versions = list_versions(settings_of(home))
    if as_json:
        typer.echo(json.dumps({"versions": versions}))
        return
    # Whoever promotes copies the name: it is shown whole, however narrow the terminal.
    table = Table(Column("version", no_wrap=True), "stage", "learned", "rows", "value", "interval", "live then")
    for each in versions:
        value, low, high, live_value = (_number(each[name]) for name in ("value", "low", "high", "live_value"))
        interval = f"{low} to {high}" if low else ""
        learned_on = f"{each['rows']:,}" if each["rows"] else ""
        table.add_row(
            each["version"], each["stage"], (each["created_at"] or "")[:10], learned_on, value, interval, live_value
        )
    paper().print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def promote(
    version: Annotated[str, typer.Argument(help="The version that shall decide.")],
    stage: Annotated[
        Aim, typer.Option(help="shadow: it is only asked; canary: for a share of viewers; live: for all.")
    ] = Aim.LIVE,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the viewers that a canary decides for.")
    ] = None,
    reason: Why = "promoted from the command line",
    force: Annotated[bool, typer.Option("--force", help="Even if its evaluation speaks against it.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let a version decide, once its evaluation speaks for it. Running servers follow within moments."""
    from api.dependencies.promotion import Order, promote
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine
    from api.storage.stages import Stage
    from bandit.decision import PolicyVersionId

    settings = settings_of(home)
    order = Order(
        actor=actor(),
        reason=reason,
        at=datetime.now(UTC),
        stage=Stage(stage.value),
        share=share,
        force=force,
    )
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    deployment = promote(engine, blobs, version=PolicyVersionId(version), order=order)
    told: dict[str, Any] = {"version": deployment.version, "stage": deployment.stage}
    if deployment.share is not None:
        told["share"] = deployment.share
    for_whom = "" if deployment.share is None else f" for {deployment.share:.1%} of the viewers"
    _say(told, f"{version} is {deployment.stage}{for_whom}.", as_json=as_json)


def retire(
    version: Annotated[str, typer.Argument(help="The version to take out of service.")],
    reason: Why = "retired from the command line",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a canary or a shadow, or keep a version from being rolled back to."""
    from api.dependencies.promotion import Order, retire
    from api.storage.database import open_engine
    from bandit.decision import PolicyVersionId

    order = Order(actor=actor(), reason=reason, at=datetime.now(UTC))
    deployment = retire(open_engine(settings_of(home).database_url), version=PolicyVersionId(version), order=order)
    _say({"version": deployment.version, "stage": deployment.stage}, f"{version} is retired.", as_json=as_json)


def rollback(reason: Why = "rolled back from the command line", home: Home = None, as_json: AsJson = False) -> None:
    """End the canary; without one, let the version decide again that did before the live one."""
    from api.dependencies.promotion import Order, back_out
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine

    settings = settings_of(home)
    order = Order(actor=actor(), reason=reason, at=datetime.now(UTC))
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    deployment = back_out(engine, blobs, order=order)
    said = f"{deployment.rolled_back} was taken off; {deployment.version} is live."
    _say({"version": deployment.version, "rolled_back": deployment.rolled_back}, said, as_json=as_json)


def _say(record: dict[str, Any], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(record) if as_json else text)
