"""/v1/titles/{title}/artworks: the artworks of a title: described, uploaded, listed, read."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.dependencies.access import ByDep
from api.dependencies.answers import image_address
from api.dependencies.catalogue_edits import edit_artwork
from api.dependencies.requests import ServicesDep, read_body
from api.dependencies.services import Services
from api.dependencies.uploads import take_image
from api.errors import RejectedUpload, UnknownArtwork
from api.routes.listing import USUAL, Cursor, Limit, Name, cursor_of, part_of, place_of
from api.routes.once import ONCE, OnceRoute
from api.routes.tags import Meant, ReadersTag, tagged
from api.routes.titles import TitlePath
from api.routes.wire import CatalogueId, Flag, Locale, Text, Wire, Word
from api.storage.catalog import find_artwork, list_artworks
from api.storage.database import reading, transaction
from api.storage.revisions import Revision, hold
from artwork.catalog import Artwork, ArtworkId, ArtworkState, TitleId
from artwork.intake import DEFAULT_LIMITS

router = APIRouter(prefix="/titles/{title}/artworks", tags=["catalogue"], route_class=OnceRoute)

ArtworkPath = Annotated[CatalogueId, Path()]
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp")
_RAW_IMAGE: dict[str, Any] = {"requestBody": {"required": True, "content": {name: {} for name in IMAGE_TYPES}}}


class ArtworkBody(Wire):
    """What the creative team says of an artwork; everything is optional. `locales` and `devices` empty: everywhere."""

    label: Text | None = None
    default: Flag = False
    locales: Annotated[tuple[Locale, ...], Field(max_length=500)] = ()
    maturity: Word | None = None
    spoiler: Flag = False
    devices: Annotated[tuple[Word, ...], Field(max_length=50)] = ()


class ArtworkAnswer(ArtworkBody):
    """An artwork with its state; `image` is where its bytes are.

    `reason` says why it is not active, or why its last upload was refused. `pending` is the hash of an upload that
    takes the image's place once it is embedded. Locales that were kept before they were checked are told as they are.
    """

    locales: tuple[str, ...] = ()
    title: str
    artwork: str
    sha256: str | None
    image: str | None
    pending: str | None
    state: ArtworkState
    reason: str | None


class ArtworksAnswer(Wire):
    """Artworks of a title, in the order of their ids; `next` is the `cursor` of the following part."""

    artworks: list[ArtworkAnswer]
    next: str | None = None


class UploadAnswer(Wire):
    """An accepted upload; `near_duplicates` are artworks of the same title that look nearly the same."""

    artwork: str
    sha256: str
    state: ArtworkState
    near_duplicates: list[str]


async def image_body(request: Request) -> bytes:
    """Read the raw bytes of an upload."""
    data = await read_body(request, DEFAULT_LIMITS.max_bytes)
    if not data:
        raise RejectedUpload("The body is empty.", "Send the image's bytes as the body of the request.", reason="empty")
    return data


@router.put("/{artwork}", response_model=ArtworkAnswer, dependencies=[ONCE])
def put(
    title: TitlePath, artwork: ArtworkPath, body: ArtworkBody, by: ByDep, services: ServicesDep, meant: Meant
) -> Response:
    """Describe an artwork, before or after its image is uploaded. `If-Match` bounds it to what was read."""
    described = Artwork(
        title=TitleId(title),
        artwork=ArtworkId(artwork),
        label=body.label,
        default=body.default,
        locales=body.locales,
        maturity=body.maturity,
        spoiler=body.spoiler,
        devices=body.devices,
    )
    with transaction(services.engine) as connection:
        hold(connection, Revision.CATALOG)
        meant.check(lambda: present_artwork(services, connection, described))
        written = edit_artwork(connection, described, by=by, now=datetime.now(UTC))
    return tagged(artwork_answer(services, written))


@router.put(
    "/{artwork}/image",
    status_code=202,
    response_model=UploadAnswer,
    openapi_extra=_RAW_IMAGE,
    dependencies=[ONCE],
)
def put_image(
    title: TitlePath,
    artwork: ArtworkPath,
    by: ByDep,
    services: ServicesDep,
    data: Annotated[bytes, Depends(image_body)],
) -> UploadAnswer:
    """Upload an artwork's picture: a JPEG, PNG or WebP as the raw body. A worker embeds it, then it is active.

    An artwork that is active shows its old picture until then.
    """
    upload = take_image(services, TitleId(title), ArtworkId(artwork), data=data, by=by)
    taken = upload.artwork
    return UploadAnswer(
        artwork=taken.artwork,
        sha256=taken.pending or taken.image or "",
        state=taken.state if taken.pending is None else ArtworkState.PROCESSING,
        near_duplicates=[*upload.near_duplicates],
    )


@router.get("", response_model=ArtworksAnswer)
def listed(
    title: TitlePath,
    services: ServicesDep,
    cursor: Cursor = None,
    limit: Limit = USUAL,
    if_none_match: ReadersTag = None,
) -> Response:
    """List the artworks of a title."""
    after = None if cursor is None else ArtworkId(place_of(cursor, "artworks", tuple[Name])[0])
    with reading(services.engine) as connection:
        found = list_artworks(connection, TitleId(title), after=after, limit=limit + 1)
    given, last = part_of(found, limit)
    following = None if last is None else cursor_of("artworks", last.artwork)
    answer = ArtworksAnswer(artworks=[artwork_answer(services, each) for each in given], next=following)
    return tagged(answer, if_none_match)


@router.get("/{artwork}", response_model=ArtworkAnswer)
def read(title: TitlePath, artwork: ArtworkPath, services: ServicesDep, if_none_match: ReadersTag = None) -> Response:
    """Read one artwork."""
    with reading(services.engine) as connection:
        found = find_artwork(connection, TitleId(title), ArtworkId(artwork))
    return tagged(artwork_answer(services, found), if_none_match)


def present_artwork(services: Services, connection: Connection, described: Artwork) -> ArtworkAnswer | None:
    """The artwork of this title and name as people read it now; None where there is none."""
    try:
        return artwork_answer(services, find_artwork(connection, described.title, described.artwork))
    except UnknownArtwork:
        return None


def artwork_answer(services: Services, artwork: Artwork) -> ArtworkAnswer:
    """An artwork as people read it."""
    waits = artwork.image is None and artwork.state is ArtworkState.PROCESSING
    return ArtworkAnswer(
        title=artwork.title,
        artwork=artwork.artwork,
        label=artwork.label,
        default=artwork.default,
        locales=artwork.locales,
        maturity=artwork.maturity,
        spoiler=artwork.spoiler,
        devices=artwork.devices,
        sha256=artwork.image,
        image=None if artwork.image is None else image_address(services, artwork.image),
        pending=artwork.pending,
        state=artwork.state,
        reason="no image was uploaded yet" if waits else artwork.reason,
    )
