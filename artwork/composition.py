"""What is measured of an image's pixels: light, colour, detail, arrangement. Knows no model, no words and no viewer.

Everything is measured on a thumb of 128 × 128, about the size of a card: what cannot be seen there moves nobody. The
image is squeezed into the square, so that a measure means the same for every format. Numbers are clipped to [-1, 1] and
scaled so that a middling picture is near 0. The same bytes give the same numbers under one Pillow version.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artwork.description import Measure

Floats = NDArray[np.float64]

THUMB_SIDE = 128
_BLOCK = 8
_STEEP = 0.1
"""A step of luma between neighbours that is seen as an edge."""
_CALM = 0.02
"""The spread of luma (standard deviation) up to which a block looks even."""
_FLAT = 1e-6
_LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Weights of red, green and blue (ITU-R BT.709), used on gamma-coded values as displays show them."""


class UnreadableImage(ValueError):
    """Bytes that are no image were to be measured: clean them with `artwork.intake` first."""


def measure(image: bytes) -> dict[Measure, float]:
    """Measure one clean image (JPEG, PNG or WebP bytes); transparency counts as white.

    Raises:
        UnreadableImage: the bytes are no image.
    """
    colours = _thumb(image)
    luma = colours @ _LUMA
    across, down = np.abs(np.diff(luma, axis=1))[:-1], np.abs(np.diff(luma, axis=0))[:, :-1]
    steepness = np.hypot(across, down)
    blocks = _spread_by_block(luma)
    measured = {
        Measure.BRIGHTNESS: 2 * luma.mean() - 1,
        Measure.CONTRAST: luma.std() / 0.2 - 1,
        Measure.SATURATION: 2 * _saturation(colours) - 1,
        Measure.COLOURFULNESS: _colourfulness(colours) / 0.25 - 1,
        Measure.WARMTH: 3 * (colours[..., 0] - colours[..., 2]).mean(),
        Measure.SHARPNESS: np.log10(_laplacian(luma).var() + 1e-6) / 2 + 0.75,
        Measure.EDGES: (steepness > _STEEP).mean() / 0.25 - 1,
        Measure.FLATNESS: 2 * (blocks < _CALM).mean() - 1,
        Measure.CENTREDNESS: 2.5 * (_share_in_the_middle(steepness) - 0.3),
        Measure.SYMMETRY: _mirrored(luma),
    }
    return {name: float(np.clip(value, -1, 1)) for name, value in measured.items()}


def _thumb(image: bytes) -> Floats:
    """The colours (128, 128, 3) in [0, 1]."""
    try:
        with Image.open(io.BytesIO(image), formats=["JPEG", "PNG", "WEBP"]) as opened:
            opened.draft("RGB", (2 * THUMB_SIDE, 2 * THUMB_SIDE))  # a JPEG is decoded at a fraction of its size
            small = opened.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX)
            shown = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small.convert("RGBA"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableImage(f"this is no image that can be measured ({error}): upload it again") from error
    return np.asarray(shown.convert("RGB"), dtype=np.float64) / 255


def _saturation(colours: Floats) -> float:
    """How far colours are from grey, dark places counting less: Σ(max − min) / Σ max over red, green and blue."""
    most = colours.max(axis=2).sum()
    return float((most - colours.min(axis=2).sum()) / most) if most > _FLAT else 0.0


def _colourfulness(colours: Floats) -> float:
    """The M of Hasler & Süsstrunk (2003), §6, of colours in [0, 1]."""
    red, green, blue = np.moveaxis(colours, 2, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue]).reshape(2, -1)
    return float(np.hypot(*opponents.std(axis=1)) + 0.3 * np.hypot(*opponents.mean(axis=1)))


def _laplacian(luma: Floats) -> Floats:
    """Its variance is a measure of focus (Pech-Pacheco et al. 2000)."""
    inner = luma[1:-1, 1:-1]
    return luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner


def _spread_by_block(luma: Floats) -> Floats:
    """The standard deviation of every block of 8 × 8."""
    count = THUMB_SIDE // _BLOCK
    return luma.reshape(count, _BLOCK, count, _BLOCK).std(axis=(1, 3))


def _share_in_the_middle(steepness: Floats) -> float:
    """The share of all steps that lies in the middle quarter of the area; a quarter where there are none."""
    quarter, total = THUMB_SIDE // 4, steepness.sum()
    middle = steepness[quarter:-quarter, quarter:-quarter].sum()
    return float(middle / total) if total > _FLAT else 0.25


def _mirrored(luma: Floats) -> float:
    """The correlation of the picture with its mirror image; 1 where it is all of one tone."""
    centred = luma - luma.mean()
    power = (centred**2).sum()
    return float((centred * centred[:, ::-1]).sum() / power) if power > _FLAT else 1.0
