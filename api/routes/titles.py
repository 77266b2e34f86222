"""/v1/titles: the titles of the catalogue, written, listed and read."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field
from sqlalchemy import Connection

from api.dependencies.access import ByDep
from api.dependencies.catalogue_edits import edit_title
from api.dependencies.requests import ServicesDep
from api.errors import UnknownTitle
from api.routes.listing import USUAL, Cursor, Limit, Name, cursor_of, part_of, place_of
from api.routes.once import ONCE, OnceRoute
from api.routes.tags import Meant, ReadersTag, tagged
from api.routes.wire import CatalogueId, Text, Whole, Wire, Word
from api.storage.catalog import find_title, list_titles
from api.storage.database import reading, transaction
from api.storage.revisions import Revision, hold
from artwork.catalog import Title, TitleId, TitleKind

router = APIRouter(prefix="/titles", tags=["catalogue"], route_class=OnceRoute)

TitlePath = Annotated[CatalogueId, Path()]


class TitleBody(Wire):
    """What can be watched; only the name is required. A series' runtime is that of an episode."""

    name: Text
    kind: TitleKind = TitleKind.FILM
    genres: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    year: Annotated[Whole, Field(ge=1870, le=2200)] | None = None
    language: Word | None = None
    runtime_seconds: Annotated[Whole, Field(gt=0, le=10_000_000)] | None = None
    cast: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    maturity: Word | None = None


class TitleAnswer(TitleBody):
    """A title with its id."""

    title: str


class TitlesAnswer(Wire):
    """A part of the catalogue, in the order of ids; `next` is the `cursor` of the following part."""

    titles: list[TitleAnswer]
    next: str | None = None


@router.put("/{title}", response_model=TitleAnswer, dependencies=[ONCE])
def put(title: TitlePath, body: TitleBody, by: ByDep, services: ServicesDep, meant: Meant) -> Response:
    """Add a title, or replace its description; `If-Match` bounds it to what was read, `If-None-Match: *` to a new."""
    described = title_of(title, body)
    with transaction(services.engine) as connection:
        hold(connection, Revision.CATALOG)
        meant.check(lambda: _present(connection, described.title))
        edit_title(connection, described, by=by, now=datetime.now(UTC))
    return tagged(_answer(described))


@router.get("", response_model=TitlesAnswer)
def listed(
    services: ServicesDep, cursor: Cursor = None, limit: Limit = USUAL, if_none_match: ReadersTag = None
) -> Response:
    """List titles in the order of their ids."""
    after = None if cursor is None else TitleId(place_of(cursor, "titles", tuple[Name])[0])
    with reading(services.engine) as connection:
        found = list_titles(connection, after=after, limit=limit + 1)
    given, last = part_of(found, limit)
    following = None if last is None else cursor_of("titles", last.title)
    return tagged(TitlesAnswer(titles=[_answer(each) for each in given], next=following), if_none_match)


@router.get("/{title}", response_model=TitleAnswer)
def read(title: TitlePath, services: ServicesDep, if_none_match: ReadersTag = None) -> Response:
    """Read one title."""
    with reading(services.engine) as connection:
        return tagged(_answer(find_title(connection, TitleId(title))), if_none_match)


def _present(connection: Connection, title: TitleId) -> TitleAnswer | None:
    try:
        return _answer(find_title(connection, title))
    except UnknownTitle:
        return None


def title_of(title: str, body: TitleBody) -> Title:
    """The record that a body describes."""
    return Title(
        title=TitleId(title),
        name=body.name,
        kind=body.kind,
        genres=body.genres,
        year=body.year,
        language=body.language,
        runtime_seconds=body.runtime_seconds,
        cast=body.cast,
        maturity=body.maturity,
    )


def _answer(title: Title) -> TitleAnswer:
    return TitleAnswer(
        title=title.title,
        name=title.name,
        kind=title.kind,
        genres=title.genres,
        year=title.year,
        language=title.language,
        runtime_seconds=title.runtime_seconds,
        cast=title.cast,
        maturity=title.maturity,
    )
