"""Images and the way of an artwork from upload to active or rejected. Knows no bytes and no vectors' making."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select, union, update

from api.errors import UnknownImage, UnknownVersion
from api.storage.catalog import find_or_new, has_default, write_artwork
from api.storage.columns import insert_missing
from api.storage.jobs import JobKind, enqueue, keys_in_hand
from api.storage.revisions import Revision, next_revision
from api.storage.tables import artwork_vectors, artworks, embedding_versions, images
from api.storage.vectors import images_without_vector
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageFormat, ImageHash, TitleId


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What is known of an image's clean bytes: sides in pixels, `bytes` is their count."""

    sha256: ImageHash
    format: ImageFormat
    width: int
    height: int
    bytes: int
    perceptual_hash: str


def attach_image(connection: Connection, title: TitleId, artwork: ArtworkId, *, image: Image, now: datetime) -> Artwork:
    """Give an artwork (a new one, if there is none of this id) its image, and let a job embed it.

    Store the bytes before: what the database names must exist. The artwork is then processing, unless it is paused or
    retired, which it stays, or active: then it goes on showing its image, and the new one is pending. Without a default
    in its title, it becomes it.

    Raises:
        UnknownTitle: the title does not exist.
    """
    revision = next_revision(connection, Revision.CATALOG)
    known = find_or_new(connection, title, artwork)
    shown = known.state not in (ArtworkState.PAUSED, ArtworkState.RETIRED)
    default = known.default or (shown and not has_default(connection, title))
    attached = replace(_with_image(known, image.sha256), default=default)
    insert_missing(connection, images, [{**asdict(image), "created_at": now}])
    write_artwork(connection, attached, revision=revision, now=now)
    if attached.pending is not None or attached.state is not ArtworkState.ACTIVE:
        enqueue(connection, JobKind.EMBED_IMAGE, key=image.sha256, now=now, payload={"image": image.sha256})
    return attached


def activate_image(connection: Connection, image: ImageHash, *, now: datetime) -> int:
    """Let an image be shown, and count its artworks: those processing become active, where it is pending it takes over.

    Put its vector in the same transaction.
    """
    stamp = {"revision": next_revision(connection, Revision.CATALOG), "updated_at": now, "reason": None}
    pending = update(artworks).where(artworks.c.pending_image == image)
    processing = update(artworks).where(artworks.c.image == image, artworks.c.state == ArtworkState.PROCESSING)
    taken_over = connection.execute(pending.values(image=image, pending_image=None, **stamp)).rowcount
    return taken_over + connection.execute(processing.values(state=ArtworkState.ACTIVE, **stamp)).rowcount


def reject_image(connection: Connection, image: ImageHash, *, reason: str, now: datetime) -> int:
    """Reject the processing artworks of an image, for a reason that people read, and count them.

    Where it is pending it is dropped, and the artwork goes on showing what it shows, with the reason beside.
    """
    stamp = {"revision": next_revision(connection, Revision.CATALOG), "updated_at": now, "reason": reason}
    pending = update(artworks).where(artworks.c.pending_image == image)
    processing = update(artworks).where(artworks.c.image == image, artworks.c.state == ArtworkState.PROCESSING)
    dropped = connection.execute(pending.values(pending_image=None, **stamp)).rowcount
    return dropped + connection.execute(processing.values(state=ArtworkState.REJECTED, **stamp)).rowcount


def lose_image(connection: Connection, image: ImageHash, *, reason: str, now: datetime) -> int:
    """Reject every artwork of an image whose file is gone or damaged, for a reason that people read, and count them.

    One that has another image pending waits for that instead.
    """
    dropped = reject_image(connection, image, reason=reason, now=now)
    stamp = {"revision": next_revision(connection, Revision.CATALOG), "updated_at": now}
    own = update(artworks).where(artworks.c.image == image)
    waiting = own.where(artworks.c.pending_image.is_not(None))
    connection.execute(
        waiting.values(image=artworks.c.pending_image, pending_image=None, state=ArtworkState.PROCESSING, **stamp)
    )
    shown = own.where(artworks.c.state != ArtworkState.REJECTED)
    return dropped + connection.execute(shown.values(state=ArtworkState.REJECTED, reason=reason, **stamp)).rowcount


def activate_embedded(connection: Connection, version: str, *, now: datetime) -> int:
    """Activate the images that have a vector in `version` and wait to be shown; count their artworks."""
    processing = select(artworks.c.image).where(artworks.c.state == ArtworkState.PROCESSING)
    waiting = union(processing, select(artworks.c.pending_image)).subquery()
    embedded = select(artwork_vectors.c.image).where(
        artwork_vectors.c.embedding_version == version, artwork_vectors.c.image.in_(select(waiting.c.image))
    )
    found = [ImageHash(image) for image in connection.scalars(embedded)]
    return sum(activate_image(connection, image, now=now) for image in found)


def find_image(connection: Connection, image: ImageHash) -> Image:
    """Return what is known of an image.

    Raises:
        UnknownImage: there is none of this hash.
    """
    row = connection.execute(select(*_FIELDS).where(images.c.sha256 == image)).mappings().one_or_none()
    if row is None:
        raise UnknownImage(f"There is no image {image}.", "Take the address from an artwork or a page.")
    return Image(**row)


def perceptual_hashes(connection: Connection, title: TitleId) -> dict[ArtworkId, str]:
    """Return the perceptual hash of every artwork of a title that has an image: of the pending one, if there is one."""
    joined = artworks.join(images, func.coalesce(artworks.c.pending_image, artworks.c.image) == images.c.sha256)
    hashes = select(artworks.c.artwork, images.c.perceptual_hash).select_from(joined).where(artworks.c.title == title)
    return {ArtworkId(artwork): value for artwork, value in connection.execute(hashes)}


def enqueue_missing(connection: Connection, version: str, *, now: datetime, limit: int = 1000) -> int:
    """Let jobs embed images that have no vector in `version`, up to `limit` of them, and count the jobs added.

    Left out are images with an unfinished job, and those that were given up since the version was last wanted.
    """
    since = connection.scalar(select(embedding_versions.c.wanted_at).where(embedding_versions.c.version == version))
    if since is None:
        raise UnknownVersion(f"There is no embedding version {version!r}.", "A worker adds it when it starts.")
    in_hand = keys_in_hand(connection, JobKind.EMBED_IMAGE, since=since)
    missing = images_without_vector(connection, version, limit=len(in_hand) + limit)
    left = [each for each in missing if each not in in_hand][:limit]
    return sum(enqueue(connection, JobKind.EMBED_IMAGE, key=each, now=now, payload={"image": each}) for each in left)


_FIELDS = [column for column in images.c if column.name != "created_at"]


def _with_image(known: Artwork, image: ImageHash) -> Artwork:
    if known.state is ArtworkState.ACTIVE:
        return replace(known, pending=None if image == known.image else image, reason=None)
    stays = known.state in (ArtworkState.PAUSED, ArtworkState.RETIRED)
    return replace(
        known,
        image=image,
        pending=None,
        state=known.state if stays else ArtworkState.PROCESSING,
        reason=known.reason if stays else None,
    )
