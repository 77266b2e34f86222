"""What is measured of an image goes up and down with what it is named after, whatever the format and size."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from artwork.composition import UnreadableImage, measure
from artwork.description import LABELS, Measure


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, form, **({"quality": 95} if form != "PNG" else {}))
    return out.getvalue()


def plain(colour: str, side: int = 64) -> Image.Image:
    return Image.new("RGB", (side, side), colour)


def noise(side: int = 512) -> Image.Image:
    values: NDArray[np.uint8] = np.random.default_rng(5).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((side, side), Image.Resampling.NEAREST)


def disc(centre: tuple[int, int]) -> Image.Image:
    image = plain("white", 256)
    ImageDraw.Draw(image).ellipse([centre[0] - 30, centre[1] - 30, centre[0] + 30, centre[1] + 30], fill="black")
    return image


def more(one: Image.Image, other: Image.Image, name: Measure) -> float:
    return measure(encoded(one))[name] - measure(encoded(other))[name]


@pytest.mark.parametrize(
    ("more_of_it", "less_of_it", "name"),
    [
        (plain("white"), plain("black"), Measure.BRIGHTNESS),
        (disc((128, 128)), plain("gray"), Measure.CONTRAST),
        (plain("red"), plain("gray"), Measure.SATURATION),
        (noise(), plain("red"), Measure.COLOURFULNESS),
        (plain("orange"), plain("navy"), Measure.WARMTH),
        (noise(), noise().filter(ImageFilter.GaussianBlur(40)), Measure.SHARPNESS),
        (noise(), disc((128, 128)), Measure.EDGES),
        (plain("teal"), noise(), Measure.FLATNESS),
        (disc((128, 128)), disc((40, 40)), Measure.CENTREDNESS),
        (disc((128, 40)), disc((40, 128)), Measure.SYMMETRY),
    ],
)
def test_each_measure_says_what_its_name_says(more_of_it: Image.Image, less_of_it: Image.Image, name: Measure) -> None:
    assert more(more_of_it, less_of_it, name) > 0.2


@pytest.mark.parametrize("image", [plain("black"), plain("white"), plain("red", 1), noise(), noise(3)])
def test_everything_is_measured_between_minus_one_and_one(image: Image.Image) -> None:
    measured = measure(encoded(image))
    assert list(measured) == list(Measure)
    assert np.isfinite([*measured.values()]).all()
    assert np.abs([*measured.values()]).max() <= 1


def test_format_and_size_hardly_matter() -> None:
    soft = noise(1024).filter(ImageFilter.GaussianBlur(20))
    by_png = measure(encoded(soft))
    for other in (encoded(soft, "JPEG"), encoded(soft, "WEBP"), encoded(soft.resize((400, 400)))):
        assert measure(other) == pytest.approx(by_png, abs=0.12)


def test_the_same_bytes_give_the_same_numbers() -> None:
    assert measure(encoded(noise())) == measure(encoded(noise()))


def test_transparency_is_white() -> None:
    assert measure(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)))) == measure(encoded(plain("white", 40)))


@pytest.mark.parametrize("data", [b"", b"<html>", encoded(noise())[:200]])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="upload"):
        measure(data)


def test_the_lists_are_closed_and_named_in_lower_case() -> None:
    assert all(name == name.lower() for name in [*LABELS, *Measure])
    assert all(values for values in LABELS.values())
