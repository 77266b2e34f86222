"""`keyart events import`: histories from a file of JSON lines, one event a line as in POST /v1/events."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.options import TYPED, AsJson, Home, Why, settings_of

app = typer.Typer(help="Interactions of viewers with titles.", no_args_is_help=True)

LINES_AT_ONCE = 5_000


@app.callback()
def group() -> None:
    """Keep `import` a sub-command although it is the only one."""


@app.command("import", epilog="Example: keyart events import history.jsonl")
def import_events(
    file: Annotated[Path, typer.Argument(help="JSON lines; each holds event, viewer, title, action, at, …")],
    reason: Why = TYPED,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take events from a file. Repeating it is harmless; a wrong line is named, and then nothing is taken."""
    from api.cli.noting import note
    from api.dependencies.events import ReportedEvent, take_events
    from api.dependencies.services import open_services
    from api.progress import progress_bar

    _check(file)
    counts, refused = {"accepted": 0, "duplicates": 0, "rejected": 0}, list[str]()
    with open_services(settings_of(home)) as services, progress_bar("Importing"):
        services.one_secret.refresh()
        bodies = _bodies(file)
        try:
            while batch := list(islice(bodies, LINES_AT_ONCE)):
                taken = take_events(services, [ReportedEvent(**body.model_dump()) for body in batch])
                counts["accepted"] += taken.accepted
                counts["duplicates"] += taken.duplicates
                counts["rejected"] += len(taken.rejected)
                refused += [f"{event}: {why}" for event, why in taken.rejected]
        finally:  # what was taken before it ended is kept, so it is written down too
            if any(counts.values()):
                note(services.engine, "events.import", subject="events", after=counts, reason=reason)
    typer.echo(json.dumps(counts) if as_json else ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    if refused:
        _tell(refused, counts)


def _tell(refused: Sequence[str], counts: Mapping[str, int]) -> None:
    """Say which events were rejected: a history may well go beyond the catalogue, but not as a whole.

    Raises:
        BadInput: all of them were.
    """
    from api.errors import BadInput

    said = f"{len(refused):,} of {sum(counts.values()):,} events were rejected: {' '.join(refused[:3])}"
    if len(refused) == sum(counts.values()):
        raise BadInput(said, "Correct them and import again.")
    typer.echo(f"keyart: {said} The others are kept.", err=True)


def _check(file: Path) -> None:
    """See that a file holds events, and nothing else; what can be read but once, such as a pipe, is not looked at.

    Raises:
        BadInput: a line is no event, or there is none.
    """
    from api.errors import BadInput
    from api.progress import progress_bar

    if file.exists() and not file.is_file() and not file.is_dir():
        return
    with progress_bar("Checking"):
        events = sum(1 for _ in _bodies(file))
    if not events:
        raise BadInput(f"{file} holds no event.", "Give a file of JSON lines, one event a line.")


def _bodies(file: Path) -> Iterator[Any]:
    from pydantic import ValidationError

    from api.errors import BadInput
    from api.routes.events import EventBody

    try:
        lines = file.open("rb")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", "Give a file of JSON lines.") from error
    with lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield EventBody.model_validate_json(line)
            except ValidationError as error:
                first = error.errors(include_input=False, include_url=False)[0]
                where = ".".join(str(part) for part in first["loc"]) or "line"
                message = f"{file} line {number}: {where}: {first['msg'].removeprefix('Value error, ')}."
                raise BadInput(message, "Correct it and import again.") from error
