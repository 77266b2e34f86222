"""`keyart secret rotate`: a new secret beside the older ones."""

import json

import typer

from api.cli.options import TYPED, AsJson, Home, Why, settings_of

app = typer.Typer(help="The secret that pseudonyms and signatures derive from.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep `rotate` a sub-command although it is the only one."""


@app.command(epilog="Example: keyart secret rotate")
def rotate(reason: Why = TYPED, home: Home = None, as_json: AsJson = False) -> None:
    """Put a new secret beside the older ones in secret.key, and carry viewers over to their new pseudonyms.

    Restart servers and workers afterwards; outcomes of pages that are out there are taken as before.
    """
    from datetime import UTC, datetime

    from api.cli.noting import note
    from api.jobs.carrying import carry_over
    from api.key_ring import add_secret
    from api.progress import progress_bar
    from api.security import load_keys
    from api.storage.database import open_engine, reading
    from api.storage.events import count_viewers

    settings = settings_of(home)
    engine = open_engine(settings.database_url)
    with reading(engine) as connection:  # what cannot be carried over must not be renamed
        count_viewers(connection)
    ring = add_secret(settings, now=datetime.now(UTC))
    note(engine, "secret.rotate", subject="secret", after={"secrets": len(ring)}, reason=reason)
    carried = 0
    with progress_bar("Carrying viewers over"):
        while more := carry_over(engine, load_keys(settings)):
            carried += more
    if as_json:
        typer.echo(json.dumps({"secrets": len(ring), "viewers": carried}))
    else:
        typer.echo(f"{len(ring)} secrets; {carried:,} viewers carried over. Restart servers and workers now.")
