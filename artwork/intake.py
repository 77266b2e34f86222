"""From uploaded bytes to a clean image: checked, upright, re-encoded, named by hash. Knows no files and no model.

`clean_image` is a pure function, but it decodes bytes of strangers: a server runs it through `artwork.sandbox`.
"""

import hashlib
import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import imagehash
from PIL import Image, ImageCms, ImageOps

from artwork.catalog import ImageFormat, ImageHash

_FORMATS = ("JPEG", "PNG", "WEBP")
_KEPT_FORMAT: dict[str, ImageFormat] = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp"}
_OTHER_IMAGES = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"8BPS": "PSD",
    b"\0\0\1\0": "ICO",
    b"<svg": "SVG",
}
_BROKEN = (OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error, zlib.error)
"""What Pillow raises on bytes that are not what their header says."""

_HASH_SIDE = 16
_THUMB_SIDE = 64


class ImageFault(StrEnum):
    """Why an image was refused."""

    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TOO_LARGE_BYTES = "too_large_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    ANIMATED = "animated"
    DAMAGED = "damaged"
    TOO_COSTLY = "too_costly"


class RejectedImage(Exception):
    """These bytes cannot become an artwork; the message says what to upload instead."""

    def __init__(self, reason_code: ImageFault, message: str) -> None:
        super().__init__(message)
        self.reason_code = reason_code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What is accepted: sizes in bytes and pixels. The header is checked against them before any pixel is decoded."""

    max_bytes: int = 20_000_000
    max_pixels: int = 25_000_000
    max_side: int = 8192
    min_side: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanImage:
    """An image that is safe to store and show.

    `data` holds no metadata; `sha256` names it. `perceptual_hash` is 64 hex digits (256 bits) for `artwork.similarity`.
    """

    data: bytes
    format: ImageFormat
    width: int
    height: int
    sha256: ImageHash
    perceptual_hash: str


DEFAULT_LIMITS = ImageLimits()


def clean_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> CleanImage:
    """Check and re-encode one JPEG, PNG or WebP of at most one frame.

    EXIF orientation is applied, colours are brought to sRGB, metadata is dropped, and the format is kept. The same
    bytes always give the same result under one Pillow version. Raises RejectedImage.
    """
    if len(data) > limits.max_bytes:
        raise RejectedImage(
            ImageFault.TOO_LARGE_BYTES,
            f"the file has {len(data):,} bytes, the limit is {limits.max_bytes:,}: save it smaller",
        )
    image = _opened(data)
    _check_header(image, limits)
    kept = _KEPT_FORMAT[cast(str, image.format)]
    pixels = _decoded(image)
    clean = _encoded(pixels, kept)
    return CleanImage(
        data=clean,
        format=kept,
        width=pixels.width,
        height=pixels.height,
        sha256=ImageHash(hashlib.sha256(clean).hexdigest()),
        perceptual_hash=perceptual_hash(pixels),
    )


def perceptual_hash(image: Image.Image) -> str:
    """256-bit DCT hash (pHash, Zauner 2010) of a 64-pixel grey thumb: 64 hex digits; transparency counts as white."""
    thumb = _on_white(image.resize((_THUMB_SIDE, _THUMB_SIDE), Image.Resampling.BOX))
    return str(imagehash.phash(thumb, hash_size=_HASH_SIDE))


def _opened(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Pillow only warns from 89 megapixels on; our own, lower limit is checked right after.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise RejectedImage(
            ImageFault.TOO_MANY_PIXELS, "the image has far too many pixels: save it with 25 megapixels or fewer"
        ) from error
    except Image.UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except _BROKEN as error:
        raise _damaged() from error


def _unidentified(data: bytes) -> RejectedImage:
    head = data[:64].lstrip().lower()
    for magic, name in _OTHER_IMAGES.items():
        if data.startswith(magic) or head.startswith(magic):
            return _unsupported(name)
    if data[4:8] == b"ftyp":
        return _unsupported("HEIC or AVIF")
    if data.startswith((b"\xff\xd8", b"\x89PNG")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return _damaged()
    what = "an HTML or XML page" if head.startswith((b"<!doctype", b"<html", b"<?xml")) else "no image"
    return RejectedImage(
        ImageFault.NOT_AN_IMAGE, f"the body is {what}: send the bytes of a JPEG, PNG or WebP file themselves"
    )


def _unsupported(name: str) -> RejectedImage:
    return RejectedImage(
        ImageFault.UNSUPPORTED_FORMAT, f"{name} files are not accepted: convert it to JPEG, PNG or WebP"
    )


def _damaged() -> RejectedImage:
    return RejectedImage(ImageFault.DAMAGED, "the image is cut off or damaged: export it again and upload the new file")


def _check_header(image: Image.Image, limits: ImageLimits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise RejectedImage(
            ImageFault.TOO_MANY_PIXELS,
            f"the image is {width} × {height}; at most {limits.max_pixels:,} pixels and {limits.max_side} a side "
            "are accepted: scale it down",
        )
    if min(width, height) < limits.min_side:
        raise RejectedImage(
            ImageFault.TOO_SMALL,
            f"the image is {width} × {height}; {limits.min_side} a side is the least: upload a larger one",
        )
    # A camera's MPO file is a still JPEG with a second view behind it, which re-encoding drops.
    if image.format != "MPO" and _frames(image) > 1:
        raise RejectedImage(ImageFault.ANIMATED, "the image is animated: upload one still frame of it")


def _frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except _BROKEN as error:
        raise _damaged() from error


def _decoded(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return _in_srgb(ImageOps.exif_transpose(image))
    except _BROKEN as error:
        raise _damaged() from error


def _in_srgb(image: Image.Image) -> Image.Image:
    """RGB or, where something is transparent, RGBA; a colour profile is applied because it is dropped afterwards."""
    transparent = image.has_transparency_data
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    elif image.mode in {"P", "PA", "LA", "La", "1"}:
        image = image.convert("RGBA" if transparent else "RGB")
    if profile:
        image = _with_profile_applied(image, profile)
    plain = image.convert("RGBA" if transparent else "RGB")
    if transparent and plain.getchannel("A").getextrema() == (255, 255):
        return plain.convert("RGB")
    return plain


def _with_profile_applied(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    opaque = image.convert("RGB") if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(opaque, source, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, *_BROKEN):
        # A broken profile is common in the wild; viewers without colour management show the bare numbers as well.
        return image
    if converted is None:
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _encoded(image: Image.Image, kept: ImageFormat) -> bytes:
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    out = io.BytesIO()
    if kept == "jpeg":
        bare.convert("RGB").save(out, "JPEG", quality=90, subsampling="4:4:4")
    elif kept == "png":
        bare.save(out, "PNG", compress_level=6)
    else:
        bare.save(out, "WEBP", quality=90, method=2)
    return out.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
