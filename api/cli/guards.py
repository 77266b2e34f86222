"""`keyart artwork pause | resume | retire | pin | schedule | share | guards | lift`: what people order of artworks."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.cli.options import BIGGEST_NUMBER, AsJson, Home, Why, actor, settings_of

Title = Annotated[str, typer.Argument(help="The title.")]
Which = Annotated[str, typer.Argument(help="The artwork.")]
Since = Annotated[str | None, typer.Option("--from", help="RFC 3339 time with its offset: 2026-01-31T18:00:00Z.")]
Until = Annotated[str | None, typer.Option("--until", help="RFC 3339 time with its offset; not included.")]
FROM_HERE = "from the command line"


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `keyart artwork`."""
    app.command(epilog='Example: keyart artwork pause harbor close-up --reason "contract ended"')(pause)
    app.command(epilog='Example: keyart artwork resume harbor close-up --reason "renewed"')(resume)
    app.command(epilog='Example: keyart artwork retire harbor close-up --reason "rebranded"')(retire)
    app.command(epilog='Example: keyart artwork pin harbor wide --locale de --reason "premiere"')(pin)
    app.command(epilog="Example: keyart artwork schedule harbor snow --until 2027-01-07T00:00:00Z")(schedule)
    app.command(epilog="Example: keyart artwork share harbor wide --minimum 0.2")(share)
    app.command(epilog="Example: keyart artwork guards harbor")(guards)
    app.command(epilog="Example: keyart artwork lift harbor 7")(lift)


def pause(title: Title, artwork: Which, reason: Why = FROM_HERE, home: Home = None, as_json: AsJson = False) -> None:
    """Show an artwork no more until it is resumed."""
    _change(home, title, artwork, state="paused", reason=reason, as_json=as_json)


def resume(title: Title, artwork: Which, reason: Why = FROM_HERE, home: Home = None, as_json: AsJson = False) -> None:
    """Let a paused or retired artwork be shown again."""
    _change(home, title, artwork, state="active", reason=reason, as_json=as_json)


def retire(title: Title, artwork: Which, reason: Why = FROM_HERE, home: Home = None, as_json: AsJson = False) -> None:
    """Show an artwork no more."""
    _change(home, title, artwork, state="retired", reason=reason, as_json=as_json)


def pin(
    title: Title,
    artwork: Which,
    locale: Annotated[str | None, typer.Option(help="Only for requests of this locale or language.")] = None,
    since: Since = None,
    until: Until = None,
    reason: Why = FROM_HERE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show this artwork of a title and no other, to everyone or to one locale, for a time or until it is lifted."""
    body = {"kind": "pin", "artwork": artwork, "locale": locale, "from": since, "until": until, "reason": reason}
    _set(home, title, body, as_json=as_json)


def schedule(
    title: Title,
    artwork: Which,
    since: Since = None,
    until: Until = None,
    reason: Why = FROM_HERE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show an artwork only in a span of time."""
    body = {"kind": "schedule", "artwork": artwork, "from": since, "until": until, "reason": reason}
    _set(home, title, body, as_json=as_json)


def share(
    title: Title,
    artwork: Which,
    minimum: Annotated[float | None, typer.Option(help="The least probability in every slot.")] = None,
    maximum: Annotated[float | None, typer.Option(help="The greatest probability in every slot.")] = None,
    reason: Why = FROM_HERE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep an artwork's probability between two bounds; takes the place of its former share."""
    body = {"kind": "share", "artwork": artwork, "minimum": minimum, "maximum": maximum, "reason": reason}
    _set(home, title, body, as_json=as_json)


def lift(
    title: Title,
    guard: Annotated[int, typer.Argument(min=1, max=BIGGEST_NUMBER, help="Its number, from `keyart artwork guards`.")],
    reason: Why = FROM_HERE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take a guard off; it stays on the record."""
    from api.storage.guards import lift_guard
    from artwork.catalog import TitleId

    with _transaction(home) as connection:
        lifted = lift_guard(connection, TitleId(title), guard, edit=_edit(reason))
    _say({"guard": lifted.number, "lifted": True}, f"Guard {lifted.number} has no force any more.", as_json=as_json)


def guards(title: Title, home: Home = None, as_json: AsJson = False) -> None:
    """List the guards of a title that stand, and those that were lifted."""
    from api.routes.guards import guard_answer
    from api.storage.guards import list_guards
    from artwork.catalog import TitleId

    with _transaction(home) as connection:
        listed = [guard_answer(each) for each in list_guards(connection, TitleId(title))]
    if as_json:
        typer.echo(json.dumps({"guards": [each.model_dump(mode="json", by_alias=True) for each in listed]}))
        return
    for each in listed:
        told = each.model_dump(mode="json", by_alias=True, exclude_none=True)
        facts = ", ".join(f"{name} {told[name]}" for name in _TOLD if name in told) or "always, for everyone"
        end = "" if each.lifted is None else f"; lifted by {each.lifted.actor}: {each.lifted.reason}"
        typer.echo(
            f"{each.guard:>4} {each.kind:<9} {each.artwork:<24} {facts}; {each.set.actor}: {each.set.reason}{end}"
        )


_TOLD = ("locale", "from", "until", "minimum", "maximum")


def _set(home: Any, title: str, body: dict[str, Any], *, as_json: bool) -> None:
    from pydantic import ValidationError

    from api.errors import BadInput
    from api.routes.guards import GuardBody, guard_of
    from api.storage.guards import set_guard
    from artwork.catalog import TitleId

    try:
        asked = GuardBody.model_validate_json(json.dumps(body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BadInput(
            f"{first['loc'][-1]}: {first['msg'].removeprefix('Value error, ')}.", "See `keyart artwork --help`."
        ) from error
    with _transaction(home) as connection:
        stored = set_guard(connection, TitleId(title), guard_of(asked), edit=_edit(asked.reason))
    _say({"guard": stored.number}, f"Guard {stored.number} stands; running servers follow.", as_json=as_json)


def _change(home: Any, title: str, artwork: str, *, state: str, reason: str, as_json: bool) -> None:
    from api.storage.guards import change_state
    from artwork.catalog import ArtworkId, ArtworkState, TitleId

    with _transaction(home) as connection:
        changed = change_state(
            connection, TitleId(title), ArtworkId(artwork), state=ArtworkState(state), edit=_edit(reason)
        )
    record = {"title": title, "artwork": artwork, "state": changed.state.value}
    _say(record, f"{artwork} of {title} is {changed.state.value}.", as_json=as_json)


def _transaction(home: Any) -> Any:
    from api.storage.database import open_engine, transaction

    return transaction(open_engine(settings_of(home).database_url))


def _edit(reason: str) -> Any:
    from api.storage.guards import Edit

    return Edit(actor=actor(), reason=reason, at=datetime.now(UTC))


def _say(record: dict[str, Any], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(record) if as_json else text)
