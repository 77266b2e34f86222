"""`keyart artwork report`: how every artwork does, for whoever draws the next one."""

import json
from typing import Annotated, Any

import typer

from api.cli.options import MOST_DAYS, AsJson, Home, settings_of


def register(app: typer.Typer) -> None:
    """Add the command of this file to `keyart artwork`."""
    app.command(epilog="Example: keyart artwork report --title harbor")(report)


def report(
    title: Annotated[str | None, typer.Option(help="Only this title.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=MOST_DAYS, help="Only decisions of the last so many days.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Tell of every artwork: better or worse than its title's best other, decisions until a verdict, and its bait."""
    from api.jobs.judging import artwork_reports
    from api.progress import progress_bar
    from api.storage.catalog import find_title
    from api.storage.database import open_engine, reading
    from artwork.catalog import TitleId

    settings = settings_of(home)
    engine = open_engine(settings.database_url)
    if title is not None:
        with reading(engine) as connection:
            find_title(connection, TitleId(title))
    with progress_bar("Judging"):
        judged = artwork_reports(engine, settings=settings, title=TitleId(title) if title else None, days=days)
    if as_json:
        typer.echo(json.dumps(judged.to_json(), allow_nan=False))
    else:
        _print(judged.to_json())


def _print(judged: dict[str, Any]) -> None:
    from rich.table import Table

    from api.cli.paper import paper

    console = paper()
    console.print(f"{judged['rows']:,} decisions, valued by {judged['reward']}")
    if judged["skipped"]:
        console.print(
            f"{judged['skipped']:,} were left out; `keyart reward revalue` values them under every definition"
        )
    table = Table("artwork", "decisions", "value", "against the best other", "bait index", "verdict")
    for each in judged["artworks"]:
        table.add_row(
            f"{each['title']}/{each['artwork']}",
            f"{each['decisions']:,}",
            _number(each["value"]),
            _interval(each["difference"], each["low"], each["high"]),
            _interval(each["bait"]["index"], each["bait"]["low"], each["bait"]["high"]),
            ("BAIT; " if each["bait"]["alarm"] else "") + each["reason"],
        )
    console.print(table if judged["artworks"] else "No decision on an active artwork has a final reward yet.")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None or low is None or high is None else f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
