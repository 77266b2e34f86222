"""`keyart log export`: the joined decision log as Parquet by day."""

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
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files, one a day (else `exports` in KEYART_HOME).")
    ] = None,
    reward: Annotated[
        str | None, typer.Option(help="The definition of the column `reward` (else KEYART_REWARD).")
    ] = None,
    provisional: Annotated[bool, typer.Option(help="Decisions whose window is open, too; `final` tells.")] = False,
    unseen: Annotated[
        bool, typer.Option(help="Decisions that nobody saw, too: without a reward; `seen` tells.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write every decision with a reward, one row a decision, for DuckDB, polars, pandas or `keyart evaluate --log`.

    Only days that changed since the last export into the same folder are written.
    """
    from api.errors import BadInput
    from api.jobs.export_folder import exports_of
    from api.jobs.exporting import export_log
    from api.progress import progress_bar
    from api.storage.database import open_engine
    from bandit.rewards import reward_definition

    settings = settings_of(home)
    definition = reward_definition(reward or settings.reward).key
    folder = exports_of(settings) if out is None else out
    engine = open_engine(settings.database_url)
    try:
        with progress_bar("Exporting") as progress:
            exported = export_log(
                engine, folder, reward=definition, provisional=provisional, unseen=unseen, progress=progress
            )
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}.", "Choose another folder with --out.") from error
    files, written = ([str(path) for path in paths] for paths in (exported.files, exported.written))
    if as_json:
        removed = [str(path) for path in exported.removed]
        typer.echo(json.dumps({"files": files, "rows": exported.rows, "written": written, "removed": removed}))
    else:
        typer.echo(f"{exported.rows:,} decisions in {len(files)} files under {folder}; {len(written)} written now.")
