"""A title's name on a picture, in the typeface that Pillow carries, so that every machine draws the same letters."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from artwork.lite.rendering.canvas import Colour

_LARGEST, _SMALLEST = 0.17, 0.055
_WIDEST = 0.86


def letter(image: Image.Image, text: str, *, colour: Colour, shadow: Colour, top: bool) -> None:
    """Write `text` in capitals on at most two lines, at the top or over a dark fade at the bottom."""
    lines, size = _fitted(text.upper(), image.width, image.height)
    draw = ImageDraw.Draw(image)
    step = size * 1.12
    bottom = 0.06 * image.height if top else 0.95 * image.height - step * len(lines)
    stroke = max(1, size // 26)
    for index, line in enumerate(lines):
        at = (image.width / 2, bottom + step * index + size * 0.1)
        offset = (at[0] + size * 0.05, at[1] + size * 0.06)
        draw.text(offset, line, fill=shadow, font=_font(size), anchor="ma", stroke_width=stroke, stroke_fill=shadow)
        draw.text(at, line, fill=colour, font=_font(size), anchor="ma", stroke_width=stroke, stroke_fill=colour)


def fade(image: Image.Image, *, top: bool) -> None:
    """Darken the edge that carries the lettering, so that it reads on any picture."""
    mask = _fade_mask(image.size)
    image.paste((8, 8, 12), (0, 0), mask.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if top else mask)


@lru_cache(maxsize=8)
def _fade_mask(size: tuple[int, int]) -> Image.Image:
    return Image.linear_gradient("L").point([max(0, level - 150) * 2 for level in range(256)]).resize(size)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


@lru_cache(maxsize=1024)
def _fitted(text: str, width: int, height: int) -> tuple[tuple[str, ...], int]:
    """The split into lines and the letter size that fill the width best."""
    words = text.split()
    splits = [(" ".join(words),)]
    splits += [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, len(words))]
    fits = [(lines, _size_for(lines, width, height)) for lines in splits]
    return max(fits, key=lambda fit: (fit[1], -len(fit[0])))


def _size_for(lines: tuple[str, ...], width: int, height: int) -> int:
    trial = round(_LARGEST * height)
    widest = max(1.0, *(_font(trial).getbbox(line)[2] for line in lines))
    wanted = trial * min(1.0, _WIDEST * width / widest) * (0.8 if len(lines) > 1 else 1.0)
    return max(round(_SMALLEST * height), int(wanted))
