"""Shapes in units of the picture's height, so that one drawing serves every size. Knows no scenes."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Canvas:
    """An RGB picture of `width` × 1 units; (0, 0) is the top left corner, y points down."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.unit = image.height
        self.width = image.width / image.height
        self._draw = ImageDraw.Draw(image)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled shape."""
        self._draw.polygon([(x * self.unit, y * self.unit) for x, y in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, *, colour: Colour, radius: float = 0.0) -> None:
        """A filled rectangle, with round corners of `radius` if wanted."""
        corners = (left * self.unit, top * self.unit, right * self.unit, bottom * self.unit)
        if radius:
            self._draw.rounded_rectangle(corners, radius * self.unit, fill=colour)
        else:
            self._draw.rectangle(corners, fill=colour)

    def oval(self, at: Point, across: float, down: float, *, colour: Colour) -> None:
        """A filled ellipse around `at` with half axes `across` and `down`."""
        self._draw.ellipse(self._around(at, across, down), fill=colour)

    def chord(self, at: Point, across: float, down: float, *, angles: Point, colour: Colour) -> None:
        """The part of an ellipse that its chord cuts off, between two angles in degrees, clockwise from the right."""
        self._draw.chord(self._around(at, across, down), *angles, fill=colour)

    def arc(self, at: Point, across: float, down: float, *, angles: Point, width: float, colour: Colour) -> None:
        """A curved stroke along an ellipse."""
        self._draw.arc(self._around(at, across, down), *angles, fill=colour, width=self._stroke(width))

    def line(self, points: Sequence[Point], width: float, *, colour: Colour) -> None:
        """A stroke with round joints."""
        scaled = [(x * self.unit, y * self.unit) for x, y in points]
        self._draw.line(scaled, fill=colour, width=self._stroke(width), joint="curve")

    def _stroke(self, width: float) -> int:
        return max(1, round(width * self.unit))

    def _around(self, at: Point, across: float, down: float) -> tuple[float, float, float, float]:
        (x, y), unit = at, self.unit
        return ((x - across) * unit, (y - down) * unit, (x + across) * unit, (y + down) * unit)


def gradient(size: tuple[int, int], stops: Sequence[tuple[float, Colour]]) -> Image.Image:
    """A vertical gradient through (height, colour) stops, heights rising from 0 to 1."""
    heights = np.linspace(0.0, 1.0, size[1])
    at = [height for height, _ in stops]
    column = np.stack([np.interp(heights, at, [colour[band] for _, colour in stops]) for band in range(3)], axis=1)
    return Image.fromarray(column.round().astype(np.uint8)[:, None, :]).resize(size, Image.Resampling.NEAREST)


@lru_cache(maxsize=8)
def _disc(diameter: int) -> Image.Image:
    side = np.linspace(-1.0, 1.0, diameter)
    distance = np.sqrt(side[:, None] ** 2 + side[None, :] ** 2)
    return Image.fromarray((np.clip(1 - distance, 0, 1) ** 2 * 255).astype(np.uint8))


_GLOW_SIDE = 64


def glow(canvas: Canvas, at: Point, radius: float, *, colour: Colour, strength: float = 1.0) -> None:
    """Soft light around a point, brightest in the middle."""
    side = max(2, round(2 * radius * canvas.unit))
    mask = _disc(_GLOW_SIDE).resize((side, side), Image.Resampling.BILINEAR)
    if strength < 1:
        mask = mask.point([round(level * strength) for level in range(256)])
    corner = (round((at[0] - radius) * canvas.unit), round((at[1] - radius) * canvas.unit))
    canvas.image.paste(colour, (corner[0], corner[1], corner[0] + side, corner[1] + side), mask)


@lru_cache(maxsize=8)
def vignette(size: tuple[int, int]) -> Image.Image:
    """A picture to multiply with: white in the middle, darker to the corners."""
    across = np.linspace(-1.0, 1.0, size[0])[None, :]
    down = np.linspace(-1.0, 1.0, size[1])[:, None]
    fall = 1 - 0.30 * np.clip((across**2 + down**2) / 2, 0, 1) ** 1.5
    return Image.fromarray((fall * 255).astype(np.uint8)).convert("RGB")
