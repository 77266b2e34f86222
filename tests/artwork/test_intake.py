"""Intake: what comes out clean, and the named refusal of everything else."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from artwork.intake import CleanImage, ImageFault, ImageLimits, RejectedImage, clean_image


def picture(width: int = 96, height: int = 64) -> Image.Image:
    """A red left half and a blue right half, with some texture."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:, : width // 2, 0] = 220
    pixels[:, width // 2 :, 2] = 220
    pixels[::7, :, 1] = 90
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(clean: CleanImage) -> Image.Image:
    return Image.open(io.BytesIO(clean.data))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with no more pixels than a few bytes of zeros hold."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )


def refusal(data: bytes, limits: ImageLimits | None = None) -> RejectedImage:
    with pytest.raises(RejectedImage) as caught:
        clean_image(data, limits or ImageLimits())
    return caught.value


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp")])
def test_a_good_image_keeps_its_format_and_is_named_by_its_bytes(kind: str, name: str) -> None:
    clean = clean_image(saved(picture(), kind))
    assert (clean.format, clean.width, clean.height) == (name, 96, 64)
    assert clean.sha256 == hashlib.sha256(clean.data).hexdigest()
    assert decoded(clean).format == kind
    assert len(clean.perceptual_hash) == 64


def test_the_same_bytes_give_the_same_image() -> None:
    data = saved(picture(), "JPEG")
    assert clean_image(data) == clean_image(data)


def test_exif_orientation_is_applied_and_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    exif[0x010E] = "a secret place"
    clean = clean_image(saved(picture(), "JPEG", exif=exif.tobytes(), comment=b"a secret comment"))
    assert (clean.width, clean.height) == (64, 96)
    assert b"secret" not in clean.data
    assert not decoded(clean).getexif()
    top, bottom = decoded(clean).convert("RGB").getpixel((32, 10)), decoded(clean).convert("RGB").getpixel((32, 86))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 150 > bottom[0]


def test_bytes_behind_the_image_are_dropped() -> None:
    assert b"<script>" not in clean_image(saved(picture()) + b"<script>alert(1)</script>").data


def test_a_colour_profile_is_applied_before_it_is_dropped() -> None:
    plain = ImageCms.createProfile("sRGB")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    profile = ImageCms.ImageCmsProfile(plain).tobytes()  # pyright: ignore[reportUnknownArgumentType]
    clean = clean_image(saved(picture(), icc_profile=profile))
    assert "icc_profile" not in decoded(clean).info
    assert clean.sha256 == clean_image(saved(picture())).sha256


def test_a_broken_colour_profile_does_not_cost_the_upload() -> None:
    assert clean_image(saved(picture(), icc_profile=b"nonsense")).sha256 == clean_image(saved(picture())).sha256


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_mode_becomes_plain_colours(mode: str) -> None:
    assert decoded(clean_image(saved(picture().convert(mode)))).mode == "RGB"


def test_sixteen_bits_a_pixel_become_eight() -> None:
    grey = Image.fromarray(np.full((64, 64), 32768, dtype=np.uint16))
    assert decoded(clean_image(saved(grey))).getpixel((5, 5)) == (128, 128, 128)


def test_transparency_is_kept_where_the_format_has_it() -> None:
    image = picture().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    assert decoded(clean_image(saved(image, "PNG"))).mode == "RGBA"
    assert decoded(clean_image(saved(image, "WEBP"))).mode == "RGBA"


def test_a_cameras_two_view_jpeg_is_one_still() -> None:
    data = saved(picture(), "MPO", save_all=True, append_images=[picture().rotate(180)])
    clean = clean_image(data)
    assert clean.format == "jpeg"
    assert len(clean.data) < len(data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", ImageFault.NOT_AN_IMAGE),
        (b"<!doctype html><html><body>not found</body></html>", ImageFault.NOT_AN_IMAGE),
        (b"\n  <html>", ImageFault.NOT_AN_IMAGE),
        (bytes(range(200)), ImageFault.NOT_AN_IMAGE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ImageFault.UNSUPPORTED_FORMAT),
        (b"%PDF-1.7", ImageFault.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x1cftypheic", ImageFault.UNSUPPORTED_FORMAT),
        (saved(picture(), "GIF"), ImageFault.UNSUPPORTED_FORMAT),
        (saved(picture(), "TIFF"), ImageFault.UNSUPPORTED_FORMAT),
        (saved(picture(), "JPEG")[:400], ImageFault.DAMAGED),
        (saved(picture(), "PNG")[:-60], ImageFault.DAMAGED),
        (saved(picture(), "WEBP")[:60], ImageFault.DAMAGED),
        (b"\xff\xd8\xff\xe0 no jpeg", ImageFault.DAMAGED),
        (png_header(20_000, 10_000), ImageFault.TOO_MANY_PIXELS),
        (png_header(9_000, 100), ImageFault.TOO_MANY_PIXELS),
        (png_header(65_000, 65_000), ImageFault.TOO_MANY_PIXELS),
        (saved(picture(31, 90)), ImageFault.TOO_SMALL),
        (saved(picture(), "PNG", save_all=True, append_images=[picture().rotate(90)]), ImageFault.ANIMATED),
        (saved(picture(), "WEBP", save_all=True, append_images=[picture().rotate(90)]), ImageFault.ANIMATED),
    ],
)
def test_everything_else_is_refused_by_name(data: bytes, fault: ImageFault) -> None:
    rejected = refusal(data)
    assert rejected.reason_code is fault
    assert rejected.message


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    rejected = refusal(saved(picture()), ImageLimits(max_bytes=50))
    assert rejected.reason_code is ImageFault.TOO_LARGE_BYTES
    assert "limit is 50" in rejected.message


def outcome_of(data: bytes) -> str:
    try:
        return clean_image(data).format
    except RejectedImage as error:
        return error.reason_code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_cut_and_no_flipped_bit_escapes_the_named_refusal(kind: str) -> None:
    rng = np.random.default_rng(0)
    good = saved(picture(), kind)
    outcomes: set[str] = set()
    for _ in range(60):
        data = bytearray(good[: int(rng.integers(1, len(good)))] if rng.random() < 0.5 else good)
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        outcomes.add(outcome_of(bytes(data)))
    assert outcomes <= {*ImageFault, "jpeg", "png", "webp"}
    assert ImageFault.DAMAGED in outcomes
