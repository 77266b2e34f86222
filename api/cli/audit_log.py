"""`keyart audit-log`: who changed what, why and when."""

import json
from typing import Annotated

import typer

from api.cli.options import BIGGEST_NUMBER, AsJson, Home, settings_of


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("audit-log", epilog="Example: keyart audit-log --subject title/harbor")(audit_log)


def audit_log(
    subject: Annotated[str | None, typer.Option(help="Only changes of this: title/harbor, key/9w4kq0z7xb, …")] = None,
    actor: Annotated[str | None, typer.Option(help="Only changes by this: key:web, cli:ann, keyart-loop")] = None,
    action: Annotated[str | None, typer.Option(help="Only such changes: title.put, version.promote, …")] = None,
    after: Annotated[
        int | None, typer.Option(min=1, max=BIGGEST_NUMBER, help="Only entries older than this number.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List changes, the newest first."""
    from api.routes.audit import entry_answer
    from api.storage.audit_log import AuditFilter, list_entries
    from api.storage.database import open_engine, reading

    wanted = AuditFilter(actor=actor, action=action, subject=subject)
    with reading(open_engine(settings_of(home).database_url)) as connection:
        found = list_entries(connection, wanted=wanted, before=after, limit=limit)
    if as_json:
        typer.echo(json.dumps({"entries": [entry_answer(each).model_dump(mode="json") for each in found]}))
        return
    for each in found:
        because = f": {each.reason}" if each.reason else ""
        typer.echo(
            f"{each.entry:>6}  {each.at:%Y-%m-%d %H:%M:%S} UTC  {each.actor}  {each.action}  {each.subject}{because}"
        )
