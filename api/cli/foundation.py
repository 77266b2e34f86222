"""`keyart foundation …`: train, judge, look at and use the model of viewers."""

import json
from typing import Annotated, Any

import typer

from api.cli.options import TYPED, AsJson, Home, Why, actor, settings_of

app = typer.Typer(help="The model that turns viewers' events into vectors.", no_args_is_help=True)


@app.command(epilog="Example: keyart foundation train --seed 0")
def train(
    seed: Annotated[int, typer.Option(help="The same events and seed give the same model.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the events; the best one is kept.")] = 8,
    reason: Why = TYPED,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train on the stored events, then give every viewer and title a vector."""
    from api.jobs.viewers import train_foundation
    from api.progress import progress_bar
    from api.storage.audit_log import By
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine
    from foundation.trained import TrainingConfig

    settings = settings_of(home)
    config = TrainingConfig(seed=seed, epochs=epochs, threads=settings.torch_threads)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    with progress_bar("Training") as progress:
        by = By(actor(), reason)
        version = train_foundation(engine, blobs, config=config, by=by, progress=progress)
    _show(version.version, dict(version.metrics), as_json=as_json)


@app.command(epilog="Example: keyart foundation evaluate --json")
def evaluate(home: Home = None, as_json: AsJson = False) -> None:
    """Show how the live version ranked what viewers wanted next, held out from training, beside popularity."""
    version, _ = _live(home)
    _show(version.version, dict(version.metrics), as_json=as_json)


@app.command(epilog="Example: keyart foundation embed")
def embed(home: Home = None, as_json: AsJson = False) -> None:
    """Bring the vectors of all viewers with new events up to date."""
    from api.jobs.viewers import refresh_viewers
    from api.storage.database import open_engine

    version, foundation = _live(home)
    engine = open_engine(settings_of(home).database_url)
    count = 0
    while refreshed := refresh_viewers(engine, foundation, version=version.version):
        count += refreshed
    typer.echo(
        json.dumps({"version": version.version, "viewers": count}) if as_json else f"{count:,} viewers embedded."
    )


@app.command(epilog="Example: keyart foundation inspect")
def inspect(home: Home = None, as_json: AsJson = False) -> None:
    """Show what the live version is made of."""
    version, foundation = _live(home)
    made_of = {
        **version.config,
        "titles": len(foundation.vocabulary.titles),
        "parameters": sum(one.numel() for one in foundation.model.parameters()),
        "created_at": version.created_at.isoformat(),
    }
    _show(version.version, made_of, as_json=as_json)


def _live(home: Any) -> Any:
    from api.jobs.viewers import live_foundation
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine

    settings = settings_of(home)
    return live_foundation(open_engine(settings.database_url), BlobStore(settings.blob_root))


def _show(version: str, facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"version": version, **facts}))
        return
    typer.echo(version)
    for name, value in facts.items():
        typer.echo(f"{name:>28}  {value:.4f}" if isinstance(value, float) else f"{name:>28}  {value}")
