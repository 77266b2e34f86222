"""`keyart serve`, `worker`, `migrate` and `status`: the processes of an installation and what state it is in."""

import json
from typing import Annotated, Any, cast

import typer

from api.cli.options import AsJson, Home, actor, settings_of


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(epilog="Example: keyart serve --port 8000 --worker")(serve)
    app.command(epilog="Example: keyart worker --once")(worker)
    app.command(epilog="Example: KEYART_DATABASE_URL=postgresql://… keyart migrate")(migrate)
    app.command(epilog="Example: keyart status --json")(status)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    worker: Annotated[
        bool, typer.Option(help="Run the worker beside the server: one command is a whole Keyart.")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Server processes that share the port: one a core is most of use.")
    ] = 1,
    home: Home = None,
) -> None:
    """Answer the HTTP API and the console. Migrates an embedded database by itself."""
    from api.cli.processes import run_server

    run_server(settings_of(home), host=host, port=port, with_worker=worker, processes=workers)


def worker(
    once: Annotated[bool, typer.Option(help="Do what is waiting, then end.")] = False,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Embed uploaded artworks, join outcomes into rewards and keep viewer vectors fresh, until stopped."""
    from api.cli.processes import run_worker

    run_worker(settings_of(home), once=once, parent=parent)
    if as_json:
        typer.echo(json.dumps({"ended": True}))


def migrate(home: Home = None, as_json: AsJson = False) -> None:
    """Bring the database's tables to this version of Keyart. Safe to repeat."""
    from api.storage.audit_log import By
    from api.storage.database import open_engine
    from api.storage.migration import migrate as bring_up

    settings = settings_of(home)
    revision = bring_up(open_engine(settings.database_url), by=By(actor()))
    typer.echo(json.dumps({"revision": revision}) if as_json else f"The database is at revision {revision}.")


def status(home: Home = None, as_json: AsJson = False) -> None:
    """Say what is stored, what waits, which policy version is live, how every job stands, what is wrong or in alarm."""
    from api.jobs.status import read_status

    found = read_status(settings_of(home))
    if as_json:
        typer.echo(json.dumps(found))
        return
    schedule, alarms, troubles = found.pop("schedule"), found.pop("alarms"), found.pop("troubles")
    for name, value in found.items():
        typer.echo(f"{name:>22}  {_spoken(value)}")
    _print_schedule(schedule)
    for trouble in troubles:
        typer.echo(f"WRONG {trouble['kind']}: {trouble['message']} {trouble['remedy']}")
    for alarm in alarms:
        typer.echo(
            f"ALARM {alarm['kind']} of {alarm['subject']} since {_minute(alarm['raised_at'])}: {alarm['message']}"
        )
    if not alarms:
        typer.echo("No alarm is open.")


def _spoken(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in cast(dict[str, Any], value).items())
    return "none" if value is None else str(value)


def _minute(at: str | None) -> str:
    """A time in UTC to the minute."""
    return "" if at is None else f"{at[:10]} {at[11:16]}"


def _print_schedule(schedule: list[dict[str, Any]]) -> None:
    from rich.table import Column, Table

    from api.cli.paper import paper

    if not schedule:
        typer.echo("No worker was ever run: `keyart worker`, or `keyart serve --worker`.")
        return
    table = Table(Column("job", no_wrap=True), "last run (UTC)", "how it ended", "next (UTC)", "held by")
    for each in schedule:
        ended = {"failed": "FAILED: ", "done": "", None: ""}[each["state"]] + (each["result"] or "")
        table.add_row(each["job"], _minute(each["ended_at"]), ended, _minute(each["next_at"]), each["worker"] or "")
    paper().print(table)
