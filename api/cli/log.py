"""`keyart log export`: the rewarded decision log as Parquet by day."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import AsJson, Home, settings_of

app = typer.Typer(help="The decision log.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep `export` a sub-command although it is the only one."""


@app.command(epilog="Example: keyart log export --out log/")
def export(
    out: Annotated[Path, typer.Option(help="Folder for the files, one a day.")],
    reward: Annotated[
        str | None, typer.Option(help="The definition of the column `reward` (else KEYART_REWARD).")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write every decision with a reward, one row a decision, for DuckDB, polars, pandas or `keyart evaluate --log`."""
    from api.errors import BadInput
    from api.jobs.exporting import export_log
    from api.progress import progress_bar
    from api.storage.database import open_engine
    from bandit.rewards import reward_definition

    settings = settings_of(home)
    definition = reward_definition(reward or settings.reward).key
    try:
        with progress_bar("Exporting"):
            exported = export_log(open_engine(settings.database_url), out, reward=definition)
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror}.", "Choose another folder with --out.") from error
    files = [str(path) for path in exported.files]
    if as_json:
        typer.echo(json.dumps({"files": files, "rows": exported.rows}))
    else:
        typer.echo(f"{exported.rows:,} decisions in {len(files)} files under {out}.")
