"""The records of the catalogue: titles and their artworks. Knows no files, no vectors, no database."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NewType

TitleId = NewType("TitleId", str)
ArtworkId = NewType("ArtworkId", str)
ImageHash = NewType("ImageHash", str)
"""SHA-256 of an image's clean bytes, 64 hex digits."""

ImageFormat = Literal["jpeg", "png", "webp"]
Domain = Literal["rendered", "photographs"]
"""The pictures that an embedding model's words can be trusted on."""


class TitleKind(StrEnum):
    """What kind of thing is watched."""

    FILM = "film"
    SERIES = "series"


class ArtworkState(StrEnum):
    """Where an artwork stands between upload and being shown; only ACTIVE artworks are eligible."""

    PROCESSING = "processing"
    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What can be watched."""

    title: TitleId
    name: str
    kind: TitleKind = TitleKind.FILM
    genres: tuple[str, ...] = ()
    year: int | None = None
    language: str | None = None
    runtime_seconds: int | None = None
    cast: tuple[str, ...] = ()
    maturity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artwork:
    """One picture of a title. `artwork` is unique within its title; `image` is None until bytes were uploaded.

    It may be shown in `locales` and on `devices`, everywhere while these are empty; `maturity` is a word of
    `artwork.maturity`.
    `pending` is an upload that takes the place of `image` once it is embedded; until then `image` goes on being shown.
    """

    title: TitleId
    artwork: ArtworkId
    label: str | None = None
    default: bool = False
    locales: tuple[str, ...] = ()
    maturity: str | None = None
    spoiler: bool = False
    devices: tuple[str, ...] = ()
    image: ImageHash | None = None
    pending: ImageHash | None = None
    state: ArtworkState = ArtworkState.PROCESSING
    reason: str | None = None
