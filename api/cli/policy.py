"""`keyart learn`, `promote` and `rollback`: policy versions, from the log to deciding."""

import getpass
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.cli.options import AsJson, Home, settings_of

Why = Annotated[str, typer.Option("--reason", help="Why; kept for ever beside the deployment.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(epilog="Example: keyart learn")(learn)
    app.command(epilog='Example: keyart promote squarecb-1a2b3c4d5e6f --reason "beats uniform off-policy"')(promote)
    app.command(epilog='Example: keyart rollback --reason "fewer plays since noon"')(rollback)


def learn(home: Home = None, as_json: AsJson = False) -> None:
    """Learn a policy version from the log. It decides nothing until it is promoted."""
    from api.jobs.learning import learn_version
    from api.progress import progress_bar
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine

    settings = settings_of(home)
    with progress_bar("Learning") as progress:
        learned = learn_version(
            open_engine(settings.database_url), BlobStore(settings.blob_root), settings=settings, progress=progress
        )
    manifest = learned.manifest
    if as_json:
        typer.echo(manifest.to_json().decode())
        return
    typer.echo(f"{manifest.version} learned from {manifest.rows:,} decisions ({manifest.held_out:,} held out).")
    if learned.skipped:
        typer.echo(
            f"{learned.skipped:,} decisions were left out: an artwork of theirs has no vector in the live version."
        )
    if manifest.foundation_version is None:
        typer.echo("It knows no viewers' tastes: send events and run `keyart foundation train`, then learn again.")
    typer.echo(f"Next: keyart evaluate --policy {manifest.version}")


def promote(
    version: Annotated[str, typer.Argument(help="The version that shall decide.")],
    reason: Why = "promoted from the command line",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let a version decide. Running servers follow within moments, without a restart."""
    from api.dependencies.promotion import Order, promote
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine
    from bandit.decision import PolicyVersionId

    settings = settings_of(home)
    order = Order(actor=getpass.getuser(), reason=reason, at=datetime.now(UTC))
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    deployment = promote(engine, blobs, version=PolicyVersionId(version), order=order)
    _say({"version": deployment.version, "stage": deployment.stage}, f"{version} is live.", as_json=as_json)


def rollback(reason: Why = "rolled back from the command line", home: Home = None, as_json: AsJson = False) -> None:
    """Let the version decide again that did before the live one."""
    from api.dependencies.promotion import Order, back_out
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine

    settings = settings_of(home)
    order = Order(actor=getpass.getuser(), reason=reason, at=datetime.now(UTC))
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    deployment = back_out(engine, blobs, order=order)
    said = f"{deployment.version} is live again; {deployment.rolled_back} was taken off."
    _say({"version": deployment.version, "rolled_back": deployment.rolled_back}, said, as_json=as_json)


def _say(record: dict[str, Any], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(record) if as_json else text)
