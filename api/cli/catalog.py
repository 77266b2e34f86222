"""`keyart catalog …` and `keyart artwork import`: titles and pictures from folders, without a server."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from api.cli.options import TYPED, AsJson, Home, Why, actor, refuse_some, settings_of

if TYPE_CHECKING:
    from api.dependencies.services import Services
    from artwork.catalog import Title

catalog = typer.Typer(help="The titles.", no_args_is_help=True)
artwork = typer.Typer(help="The artworks.", no_args_is_help=True)

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
DESCRIPTION = "title.json"


@catalog.command("import", epilog="Example: keyart catalog import pictures/")
def import_catalog(
    folder: Annotated[Path, typer.Argument(help="One sub-folder a title: title.json (optional) and pictures.")],
    reason: Why = TYPED,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put a title for every sub-folder, named by it, and upload the pictures inside. Safe to repeat.

    Names and descriptions are checked before anything is written. A picture that is refused does not stop the others.
    """
    from api.dependencies.services import open_services
    from api.errors import BadInput

    folders = [each for each in _listed(folder) if each.is_dir()]
    if not folders:
        raise BadInput(f"{folder} has no sub-folder.", "Give a folder with one sub-folder a title.")
    titles = [_described(each) for each in folders]
    uploads = [upload for each in folders for upload in _pictures(each, title=each.name)]
    with open_services(settings_of(home)) as services:
        _put_titles(services, titles, reason=reason)
        refused = _upload_all(services, uploads, reason=reason)
    _say(len(titles), uploads, refused, as_json=as_json)


@catalog.command("list", epilog="Example: keyart catalog list --json")
def list_catalog(home: Home = None, as_json: AsJson = False) -> None:
    """List every title with the states of its artworks."""
    from collections import Counter

    from api.storage.catalog import list_artworks, list_titles
    from api.storage.database import open_engine, reading

    listed: list[dict[str, Any]] = []
    with reading(open_engine(settings_of(home).database_url)) as connection:
        for title in list_titles(connection):
            states = Counter(each.state.value for each in list_artworks(connection, title.title))
            listed.append({"title": title.title, "name": title.name, "artworks": dict(states)})
    if as_json:
        typer.echo(json.dumps({"titles": listed}))
        return
    for each in listed:
        states = ", ".join(f"{count} {state}" for state, count in each["artworks"].items()) or "no artworks"
        typer.echo(f"{each['title']:<32} {each['name']:<32} {states}")


@artwork.command("import", epilog="Example: keyart artwork import pictures/harbor --title harbor")
def import_artwork(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures; each file's name is its artwork's id.")],
    title: Annotated[str | None, typer.Option(help="The title they belong to; else the folder's name.")] = None,
    reason: Why = TYPED,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Upload the pictures of one title, which must exist."""
    from api.dependencies.services import open_services
    from api.errors import BadInput

    uploads = _pictures(folder, title=folder.resolve().name if title is None else title)
    if not uploads:
        raise BadInput(f"{folder} holds no picture.", f"Give a folder with files in {', '.join(PICTURES)}.")
    with open_services(settings_of(home)) as services:
        refused = _upload_all(services, uploads, reason=reason)
    _say(1, uploads, refused, as_json=as_json)


def _listed(folder: Path) -> list[Path]:
    from api.errors import BadInput

    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as error:
        raise BadInput(f"{folder} cannot be read: {error.strerror}.", "Give a folder.") from error


class Upload(NamedTuple):
    """A file that shall be the picture of an artwork."""

    title: str
    artwork: str
    path: Path


def _pictures(folder: Path, *, title: str) -> list[Upload]:
    """The pictures of a folder, whose names are the ids of artworks of the title."""
    from api.errors import BadInput

    found: dict[str, Upload] = {}
    for path in _listed(folder):
        if path.suffix.lower() not in PICTURES or not path.is_file():
            continue
        upload = Upload(_checked_id(title), _checked_id(path.stem), path)
        other = found.setdefault(upload.artwork, upload).path
        if other != path:
            raise BadInput(f"{other.name} and {path.name} are one artwork of {title}.", "Give each a name of its own.")
    return [*found.values()]


def _described(folder: Path) -> "Title":
    """The title that a folder is: what its description says, else its name."""
    from pydantic import ValidationError

    from api.errors import BadInput
    from api.routes.titles import TitleBody, title_of

    description = folder / DESCRIPTION
    try:
        text = description.read_bytes() if description.exists() else json.dumps({"name": folder.name})
        return title_of(_checked_id(folder.name), TitleBody.model_validate_json(text))
    except OSError as error:
        raise BadInput(f"{description} cannot be read: {error.strerror}.", "Make it a readable file.") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        message = f"{description}: {where}: {first['msg'].removeprefix('Value error, ')}."
        raise BadInput(message, "Correct it and import again; nothing was written.") from error


def _put_titles(services: "Services", titles: Sequence["Title"], *, reason: str) -> None:
    from api.dependencies.catalogue_edits import edit_title
    from api.storage.audit_log import By
    from api.storage.columns import chunks
    from api.storage.database import transaction

    for part in chunks(titles):
        with transaction(services.engine) as connection:
            for each in part:
                edit_title(connection, each, by=By(actor(), reason), now=datetime.now(UTC))


def _upload_all(services: "Services", uploads: Sequence[Upload], *, reason: str) -> list[str]:
    """Upload what is a picture; return a line for each that is not, so that one bad file does not stop the others."""
    from api.dependencies.uploads import take_image
    from api.errors import RejectedUpload
    from api.progress import tracked
    from api.storage.audit_log import By
    from artwork.catalog import ArtworkId, TitleId

    refused: list[str] = []
    for title, artwork_id, path in tracked(uploads, "Uploading", total=len(uploads)):
        try:
            data = path.read_bytes()
            take_image(services, TitleId(title), ArtworkId(artwork_id), data=data, by=By(actor(), reason))
        except OSError as error:
            refused.append(f"{path}: it cannot be read: {error.strerror}.")
        except RejectedUpload as error:
            refused.append(f"{path}: {error}")
    return refused


def _checked_id(name: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from api.errors import BadInput
    from api.routes.wire import CatalogueId

    try:
        return str(TypeAdapter[str](CatalogueId).validate_python(name))
    except ValidationError as error:
        remedy = "Rename it: letters, digits, `.`, `_` and `-`, at most 128."
        raise BadInput(f"{name!r} cannot be an id.", remedy) from error


def _say(titles: int, uploads: Sequence[Upload], refused: Sequence[str], *, as_json: bool) -> None:
    taken = len(uploads) - len(refused)
    if as_json:
        typer.echo(json.dumps({"titles": titles, "artworks": taken, "refused": refused}))
    else:
        typer.echo(f"{taken:,} artworks of {titles:,} titles uploaded; `keyart worker` embeds them.")
    refuse_some(refused, of=len(uploads), what="pictures")
