"""Changes of the catalogue by people: made and written down in one transaction, with what was there before."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.errors import UnknownArtwork, UnknownTitle
from api.storage.audit_log import By, Told, record
from api.storage.catalog import find_artwork, find_title, put_artwork, put_title
from api.storage.images import Image, attach_image
from artwork.catalog import Artwork, ArtworkId, Title, TitleId


def edit_title(connection: Connection, title: Title, *, by: By, now: datetime) -> None:
    """Add a title, or replace its description."""
    try:
        before = asdict(find_title(connection, title.title))
    except UnknownTitle:
        before = None
    put_title(connection, title, now=now)
    subject = f"title/{title.title}"
    told = Told(before=before, after=asdict(title), reason=by.reason)
    record(connection, actor=by.actor, action="title.put", subject=subject, now=now, **told)


def edit_artwork(connection: Connection, artwork: Artwork, *, by: By, now: datetime) -> Artwork:
    """Add an artwork, or replace its description, and return it as it is then.

    Raises:
        UnknownTitle: the title does not exist.
        Conflict: it is paused or retired and shall be the default.
    """
    before = _artwork(connection, artwork.title, artwork.artwork)
    after = put_artwork(connection, artwork, now=now)
    told = Told(before=before, after=asdict(after), reason=by.reason)
    record(connection, actor=by.actor, action="artwork.put", subject=subject_of(after), now=now, **told)
    return after


def give_image(
    connection: Connection, title: TitleId, artwork: ArtworkId, *, image: Image, by: By, now: datetime
) -> Artwork:
    """Attach an uploaded image to an artwork, and return it as it is then.

    Raises:
        UnknownTitle: the title does not exist.
    """
    before = _artwork(connection, title, artwork)
    after = attach_image(connection, title, artwork, image=image, now=now)
    told = Told(before=before, after=asdict(after), reason=by.reason)
    record(connection, actor=by.actor, action="artwork.upload", subject=subject_of(after), now=now, **told)
    return after


def subject_of(artwork: Artwork) -> str:
    """How the audit log names an artwork."""
    return f"artwork/{artwork.title}/{artwork.artwork}"


def _artwork(connection: Connection, title: TitleId, artwork: ArtworkId) -> dict[str, Any] | None:
    try:
        return asdict(find_artwork(connection, title, artwork))
    except UnknownArtwork:
        return None
