"""How an uploaded picture comes in: checked in the sandbox, its bytes stored, then named by the catalogue."""

from dataclasses import dataclass
from datetime import UTC, datetime

from api.dependencies.catalogue_edits import give_image
from api.dependencies.services import Services
from api.errors import MissingFile, RejectedUpload, Unavailable
from api.storage.audit_log import By
from api.storage.catalog import find_title
from api.storage.database import reading, transaction
from api.storage.images import Image, find_image, perceptual_hashes
from artwork.catalog import Artwork, ArtworkId, ImageHash, TitleId
from artwork.intake import CleanImage, RejectedImage
from artwork.sandbox import SandboxUnavailable
from artwork.similarity import near_duplicates


@dataclass(frozen=True, slots=True)
class Upload:
    """An artwork as it is after its upload, and which others of its title look nearly the same."""

    artwork: Artwork
    near_duplicates: list[ArtworkId]


def take_image(services: Services, title: TitleId, artwork: ArtworkId, *, data: bytes, by: By) -> Upload:
    """Check and re-encode the bytes, store them by hash, attach them to the artwork; a job embeds them later.

    The bytes are stored before the database names them, so it never names what does not exist. A refused upload
    leaves nothing behind.

    Raises:
        UnknownTitle: the title does not exist.
        RejectedUpload: the bytes are no picture that is taken.
        Unavailable: too many uploads are under way.
    """
    with reading(services.engine) as connection:
        find_title(connection, title)
    clean = _checked(services, data)
    services.blobs.put_image(clean.sha256, clean.format, clean.data)
    with transaction(services.engine) as connection:
        others = perceptual_hashes(connection, title)
        others.pop(artwork, None)
        now = datetime.now(UTC)
        attached = give_image(connection, title, artwork, image=_record(clean), by=by, now=now)
    return Upload(attached, near_duplicates(clean.perceptual_hash, others))


@dataclass(frozen=True, slots=True)
class StoredImage:
    """Clean bytes and their format: jpeg, png or webp."""

    data: bytes
    format: str


def stored_image(services: Services, image: ImageHash) -> StoredImage:
    """Return an image. Its hash alone says which bytes are meant, so it loads while the database is away (C8).

    Raises:
        UnknownImage: no artwork ever had it.
        DamagedFile, MissingFile: its file is not what the database says.
        StorageUnavailable: there is no file, and nobody can tell whether there ever was.
    """
    try:
        image_format, data = services.blobs.find_image(image)
    except MissingFile:
        with services.reads.reading() as connection:
            find_image(connection, image)
        raise
    return StoredImage(data, image_format)


def _checked(services: Services, data: bytes) -> CleanImage:
    """Let the sandbox check the bytes; only so many uploads may wait for it that other requests still find a thread."""
    if not services.uploads.acquire(blocking=False):
        raise Unavailable("Too many pictures are being checked.", "Upload this one again in some seconds.")
    try:
        return services.sandbox.clean(data)
    except RejectedImage as rejected:
        wrong, _, remedy = rejected.message.rpartition(": ")
        raise RejectedUpload(_sentence(wrong), _sentence(remedy), reason=rejected.reason_code) from rejected
    except SandboxUnavailable as error:
        raise Unavailable(f"Pictures cannot be checked: {error}.", "See that memory and processes suffice.") from error
    finally:
        services.uploads.release()


def _record(clean: CleanImage) -> Image:
    return Image(
        sha256=clean.sha256,
        format=clean.format,
        width=clean.width,
        height=clean.height,
        bytes=len(clean.data),
        perceptual_hash=clean.perceptual_hash,
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
