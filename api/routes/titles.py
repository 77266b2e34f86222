"""/v1/titles: the titles of the catalogue, written, listed and read."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.dependencies.requests import ServicesDep
from api.routes.wire import CatalogueId, Text, Wire, Word
from api.storage.catalog import find_title, list_titles, put_title
from api.storage.database import reading, transaction
from artwork.catalog import Title, TitleId, TitleKind

router = APIRouter(prefix="/titles", tags=["catalogue"])

TitlePath = Annotated[CatalogueId, Path()]


class TitleBody(Wire):
    """What can be watched; only the name is required. A series' runtime is that of an episode."""

    name: Text
    kind: TitleKind = TitleKind.FILM
    genres: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    year: Annotated[int, Field(ge=1870, le=2200)] | None = None
    language: Word | None = None
    runtime_seconds: Annotated[int, Field(gt=0, le=10_000_000)] | None = None
    cast: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    maturity: Word | None = None


class TitleAnswer(TitleBody):
    """A title with its id."""

    title: str


class TitlesAnswer(Wire):
    """A part of the catalogue, in the order of ids; `next` is the `after` of the following part."""

    titles: list[TitleAnswer]
    next: str | None = None


@router.put("/{title}", response_model=TitleAnswer)
def put(title: TitlePath, body: TitleBody, services: ServicesDep) -> TitleAnswer:
    """Add a title, or replace its description."""
    described = title_of(title, body)
    with transaction(services.engine) as connection:
        put_title(connection, described, now=datetime.now(UTC))
    return _answer(described)


@router.get("", response_model=TitlesAnswer)
def listed(
    services: ServicesDep,
    after: Annotated[CatalogueId | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> TitlesAnswer:
    """List titles in the order of their ids, at most `limit` behind `after`."""
    last = None if after is None else TitleId(after)
    with reading(services.engine) as connection:
        found = list_titles(connection, after=last, limit=limit + 1)
    following = found[limit - 1].title if len(found) > limit else None
    return TitlesAnswer(titles=[_answer(each) for each in found[:limit]], next=following)


@router.get("/{title}", response_model=TitleAnswer)
def read(title: TitlePath, services: ServicesDep) -> TitleAnswer:
    """Read one title."""
    with reading(services.engine) as connection:
        return _answer(find_title(connection, TitleId(title)))


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
