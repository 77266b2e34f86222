"""`keyart key create | list | rotate | revoke`: the API keys. A key is printed once, by what makes it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import AsJson, Home, Why, actor, settings_of
from api.credentials import Scope

if TYPE_CHECKING:
    from api.routes.keys import NewKeyAnswer

app = typer.Typer(help="The API keys.", no_args_is_help=True)

Days = Annotated[float | None, typer.Option(min=0, help="Days until it expires; else never.")]
Whose = Annotated[str, typer.Argument(help="Whose key it is.")]
FROM_HERE = "from the command line"


@app.command(epilog="Example: keyart key create --name web --scope serving")
def create(
    scope: Annotated[list[Scope], typer.Option(help="What it may do; may be given several times.")],
    name: Annotated[str | None, typer.Option(help="Whose key it is; else its scopes.")] = None,
    expires_in_days: Days = None,
    reason: Why = FROM_HERE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once."""
    from api.routes.keys import new_key_answer
    from api.storage.keys import KeyOrder, create_key

    now = datetime.now(UTC)
    order = KeyOrder(
        name=_checked("-".join(sorted(set(scope))) if name is None else name),
        scopes=frozenset(scope),
        actor=actor(),
        at=now,
        expires_at=_expiry(now, expires_in_days),
        reason=reason,
    )
    with _transaction(home) as connection:
        made = new_key_answer(*create_key(connection, order))
    _say_new(made, as_json=as_json)


@app.command("list", epilog="Example: keyart key list")
def list_all(home: Home = None, as_json: AsJson = False) -> None:
    """List the keys: whose, what they may do, until when, and when they were last used."""
    from rich.table import Column, Table

    from api.cli.paper import paper
    from api.routes.keys import KeysAnswer, key_answer
    from api.storage.keys import list_keys

    now = datetime.now(UTC)
    with _transaction(home) as connection:
        found = [key_answer(each, now=now) for each in list_keys(connection)]
    if as_json:
        typer.echo(KeysAnswer(keys=found).model_dump_json())
        return
    table = Table("name", Column("prefix", no_wrap=True), "scopes", "made", "expires", "last used", "state")
    for each in found:
        state = "live" if each.live else "revoked" if each.revoked_at else "expired"
        days = [f"{at:%Y-%m-%d}" if at else "" for at in (each.created_at, each.expires_at, each.last_used_on)]
        table.add_row(each.name, each.prefix, ", ".join(each.scopes), *days, state)
    paper().print(table)


@app.command(epilog="Example: keyart key rotate web")
def rotate(
    name: Whose,
    expires_in_days: Days = None,
    reason: Why = FROM_HERE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a second key of a name and print it, this once; the older one opens until it is revoked."""
    from api.routes.keys import new_key_answer
    from api.storage.keys import rotate_key

    now = datetime.now(UTC)
    with _transaction(home) as connection:
        expires_at = _expiry(now, expires_in_days)
        made = new_key_answer(
            *rotate_key(connection, name, actor=actor(), at=now, expires_at=expires_at, reason=reason)
        )
    _say_new(made, as_json=as_json)


@app.command(epilog='Example: keyart key revoke 9w4kq0z7xb --reason "laptop lost"')
def revoke(
    prefix: Annotated[str, typer.Argument(help="The ten characters behind `keyart_`, from `keyart key list`.")],
    reason: Why = FROM_HERE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let a key open nothing any more; running servers follow within moments."""
    from api.routes.keys import key_answer
    from api.storage.keys import revoke_key

    now = datetime.now(UTC)
    with _transaction(home) as connection:
        revoked = revoke_key(connection, prefix, actor=actor(), at=now, reason=reason)
    answer = key_answer(revoked, now=now)
    typer.echo(answer.model_dump_json() if as_json else f"The key {prefix} of {revoked.name} opens nothing any more.")


def _say_new(made: "NewKeyAnswer", *, as_json: bool) -> None:
    if as_json:
        typer.echo(made.model_dump_json())
        return
    typer.echo(made.key)
    typer.echo(f"A key of {made.name} for {', '.join(made.scopes)}; it is not shown again.", err=True)


def _checked(name: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from api.errors import BadInput
    from api.routes.keys import KeyName

    try:
        return str(TypeAdapter[str](KeyName).validate_python(name))
    except ValidationError as error:
        remedy = "Use letters, digits, `.`, `_` and `-`, at most 64."
        raise BadInput(f"{name!r} cannot be the name of a key.", remedy) from error


def _expiry(now: datetime, days: float | None) -> datetime | None:
    from api.errors import BadInput

    try:
        return None if days is None else now + timedelta(days=days)
    except OverflowError as error:
        raise BadInput(
            f"{days:g} days lead beyond the year 9999.", "Give fewer, or none for a key without end."
        ) from error


def _transaction(home: Any) -> Any:
    from api.storage.database import open_engine, transaction

    return transaction(open_engine(settings_of(home).database_url))
