"""`keyart viewer erase | exclude | include | excluded | busiest`: what is known of viewers, and whether they count."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import TYPED, AsJson, Home, Why, actor, settings_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.dependencies.viewers import Whom
    from api.settings import Settings

app = typer.Typer(help="Single viewers: erased, or left out of what is learned.", no_args_is_help=True)

RawId = Annotated[str, typer.Argument(metavar="ID", help="The id that you send with events and pages; `-` reads it.")]
ByPseudonym = Annotated[
    bool, typer.Option("--pseudonym", help="ID is a pseudonym, as `keyart viewer busiest` and the export show it.")
]
FROM_HERE = "internal"


@app.command(epilog="Example: keyart viewer erase profile-17")
def erase(
    viewer: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The id that you send with events and pages; `-` reads it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with erasures that have not ended.")] = False,
    exports: Annotated[
        list[Path] | None, typer.Option(help="A folder of exports besides KEYART_HOME/exports; may be repeated.")
    ] = None,
    reason: Why = TYPED,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Remove a viewer from database and exports, under every pseudonym they ever had. It cannot be undone."""
    from api.dependencies.viewers import order_erasure
    from api.errors import BadInput
    from api.jobs.erasing import erase_waiting
    from api.progress import progress_bar
    from api.security import load_keys
    from api.storage.audit_log import By
    from api.storage.database import open_engine, transaction

    if (viewer is None) is not resume:
        raise BadInput("Say whom to erase, or `--resume`, and not both.", "See `keyart viewer erase --help`.")
    missing = [folder for folder in exports or [] if not folder.is_dir()]
    if missing:
        raise BadInput(f"There is no folder {missing[0]}.", "Name folders of exports with --exports.")
    settings = settings_of(home)
    engine = open_engine(settings.database_url)
    if viewer is not None:
        raw = _raw(viewer)
        with transaction(engine) as connection:
            order_erasure(connection, load_keys(settings), raw, by=By(actor(), reason), now=datetime.now(UTC))
    with progress_bar("Erasing"):
        ended = erase_waiting(engine, settings, also=exports or [])
    told = [
        {"erasure": each.erasure, "pages": each.pages, "events": each.events, "export_rows": each.export_rows}
        for each in ended
    ]
    _say({"erasures": told}, "\n".join(map(_erased, told)) or "No erasure waits.", as_json=as_json)


def _erased(told: dict[str, int]) -> str:
    if not (told["pages"] or told["events"] or told["export_rows"]):
        return f"Erasure {told['erasure']}: nothing was kept of this viewer."
    return (
        f"Erasure {told['erasure']}: {told['pages']:,} pages, {told['events']:,} events and "
        f"{told['export_rows']:,} rows of exports were removed."
    )


@app.command(epilog='Example: keyart viewer exclude profile-17 --reason "internal"')
def exclude(
    viewer: RawId,
    reason: Annotated[str, typer.Option(help="Why: internal, monitoring, …; the export names it.")] = FROM_HERE,
    pseudonym: ByPseudonym = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep a viewer's rows, and neither learn from them nor evaluate on them, earlier ones included."""
    from api.dependencies.viewers import exclude_viewer
    from api.storage.database import open_engine, transaction

    settings = settings_of(home)
    with transaction(open_engine(settings.database_url)) as connection:
        whom = _whom(connection, settings, viewer, pseudonym=pseudonym)
        exclude_viewer(connection, whom, reason=reason, actor=actor(), now=datetime.now(UTC))
    _say({"excluded": True, "reason": reason}, "The viewer counts no more.", as_json=as_json)


@app.command(epilog="Example: keyart viewer include profile-17")
def include(
    viewer: RawId,
    reason: Why = TYPED,
    pseudonym: ByPseudonym = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let a viewer who was excluded count again."""
    from api.dependencies.viewers import include_viewer
    from api.storage.audit_log import By
    from api.storage.database import open_engine, transaction

    settings = settings_of(home)
    with transaction(open_engine(settings.database_url)) as connection:
        whom = _whom(connection, settings, viewer, pseudonym=pseudonym)
        include_viewer(connection, whom, by=By(actor(), reason), now=datetime.now(UTC))
    _say({"excluded": False}, "The viewer counts again.", as_json=as_json)


@app.command(epilog="Example: keyart viewer excluded")
def excluded(home: Home = None, as_json: AsJson = False) -> None:
    """List the viewers who are left out, by pseudonym, and why."""
    from api.storage.database import open_engine, reading
    from api.storage.exclusions import list_excluded

    with reading(open_engine(settings_of(home).database_url)) as connection:
        listed = list_excluded(connection)
    told = [
        {"viewer": each.viewer, "reason": each.reason, "actor": each.actor, "at": each.at.isoformat()}
        for each in listed
    ]
    lines = [f"{each['viewer']}  {each['at']}  {each['actor']}: {each['reason']}" for each in told]
    _say({"excluded": told}, "\n".join(lines) or "Nobody is left out.", as_json=as_json)


@app.command(epilog="Example: keyart viewer busiest --title harbor --day 2026-03-19")
def busiest(
    title: Annotated[str | None, typer.Option(help="Of this title's decisions only.")] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC); else yesterday.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many viewers.")] = 20,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the viewers whose decisions of a day are worth most, by pseudonym: who brought what an alarm is about."""
    from api.jobs.busiest import busiest_viewers
    from api.storage.database import open_engine

    settings = settings_of(home)
    wanted = day.date() if day else datetime.now(UTC).date() - timedelta(days=1)
    found = busiest_viewers(open_engine(settings.database_url), settings, wanted, title=title, limit=limit)
    told = {"day": str(wanted), "count": found.count, "decisions": found.decisions, "reward": found.reward}
    listed = [asdict(each) | {"share": found.share(each)} for each in found.viewers]
    head = f"{wanted}: {found.count:,} viewers, {found.decisions:,} decisions, worth {found.reward:,.1f}"
    _say(told | {"viewers": listed}, "\n".join([head, *map(_busy, listed)]), as_json=as_json)


def _busy(told: dict[str, Any]) -> str:
    did = f"{told['decisions']:>6,} seen {told['plays']:>6,} played {told['share']:>7.1%} of the reward"
    return f"{told['viewer']} {did}" + (f", left out: {told['excluded']}" if told["excluded"] else "")


def _whom(connection: "Connection", settings: "Settings", given: str, *, pseudonym: bool) -> "Whom":
    from api.dependencies.viewers import by_id, by_pseudonym
    from api.security import load_keys

    keys, known = load_keys(settings), _raw(given)
    return by_pseudonym(connection, keys, pseudonym=known) if pseudonym else by_id(connection, keys, viewer=known)


def _raw(given: str) -> str:
    """The id, which `-` keeps out of the list of processes and the shell's history."""
    from api.errors import BadInput

    viewer = sys.stdin.readline().rstrip("\r\n") if given == "-" else given
    if not 1 <= len(viewer) <= 256 or not viewer.isprintable():  # `api.routes.wire.OpaqueId`
        raise BadInput("A viewer's id has 1 to 256 printable characters.", "Give the id that events carry.")
    return viewer


def _say(record: dict[str, Any], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(record) if as_json else text)
