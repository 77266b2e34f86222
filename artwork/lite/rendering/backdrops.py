"""The settings of a scene, painted from the sky to the ground. Knows no people and no props."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from artwork.lite.rendering.canvas import Canvas, Colour, Point, glow, gradient
from artwork.lite.rendering.colours import Colours, mix, shaded
from artwork.lite.scene import Light, Setting

Painter = Callable[[Canvas, Colours, np.random.Generator], None]


def paint_backdrop(
    canvas: Canvas, setting: Setting, *, colours: Colours, light: Light, rng: np.random.Generator
) -> None:
    """Fill the whole canvas with a setting."""
    _paint_sky(canvas, colours)
    if setting in _UNDER_THE_SKY:
        _paint_sun_or_moon(canvas, colours, light=light, rng=rng)
    _PAINTERS[setting](canvas, colours, rng)


def _paint_sky(canvas: Canvas, colours: Colours) -> None:
    between = mix(colours.sky, colours.horizon, 0.45)
    stops = [(0.0, colours.sky), (0.38, between), (0.68, colours.horizon), (1.0, colours.horizon)]
    canvas.image.paste(gradient(canvas.image.size, stops))


def _paint_sun_or_moon(canvas: Canvas, colours: Colours, *, light: Light, rng: np.random.Generator) -> None:
    x = canvas.width * float(rng.uniform(0.15, 0.85))
    if light is Light.DARK:
        _paint_stars(canvas, colours, count=45, rng=rng)
        glow(canvas, (x, 0.2), 0.32, colour=colours.glow, strength=0.45)
        canvas.oval((x, 0.2), 0.055, 0.055, colour=mix(colours.glow, (255, 255, 255), 0.5))
        return
    y = 0.5 if light is Light.MID else 0.22
    glow(canvas, (x, y), 0.62, colour=colours.glow, strength=0.9)
    canvas.oval((x, y), 0.085, 0.085, colour=mix(colours.glow, (255, 255, 255), 0.45))


def _paint_stars(canvas: Canvas, colours: Colours, *, count: int, rng: np.random.Generator) -> None:
    star = mix(colours.glow, (255, 255, 255), 0.6)
    for x, y, size in rng.random((count, 3)):
        radius = 0.0014 + 0.0028 * float(size) ** 4
        canvas.oval((float(x) * canvas.width, float(y) * 0.7), radius, radius, colour=star)


def _ridge(canvas: Canvas, heights: NDArray[np.float64]) -> list[Point]:
    """The outline of land: `heights` from the left to the right edge, closed along the bottom."""
    across = np.linspace(0.0, canvas.width, heights.size)
    top = [(float(x), float(y)) for x, y in zip(across, heights, strict=True)]
    return [(0.0, 1.0), *top, (canvas.width, 1.0)]


def _rolling(rng: np.random.Generator, *, level: float, swing: float, points: int = 36) -> NDArray[np.float64]:
    x = np.linspace(0.0, 1.0, points)
    phases, waves = rng.uniform(0, 6.3, 3), rng.uniform(0.7, 1.3, 3)
    bend = np.sin(4 * waves[0] * x + phases[0]) + 0.5 * np.sin(9 * waves[1] * x + phases[1])
    return level + swing * (bend + 0.22 * np.sin(21 * waves[2] * x + phases[2]))


def _paint_city(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    for colour, lowest, tallest in ((colours.far, 0.6, 0.26), (colours.middle, 0.72, 0.36)):
        x = float(rng.uniform(-0.1, 0.0))
        while x < canvas.width:
            broad = float(rng.uniform(0.09, 0.19))
            top = float(rng.uniform(tallest, lowest))
            _paint_tower(canvas, (x, top, x + broad), colour=colour, colours=colours, rng=rng)
            x += broad + float(rng.uniform(0.0, 0.03))
    canvas.box(0, 0.86, canvas.width, 1, colour=colours.near)
    middle = canvas.width / 2
    road = mix(colours.near, colours.horizon, 0.16)
    canvas.polygon([(middle - 0.1, 0.86), (middle + 0.1, 0.86), (middle + 0.75, 1), (middle - 0.75, 1)], road)


def _paint_tower(
    canvas: Canvas, edges: tuple[float, float, float], *, colour: Colour, colours: Colours, rng: np.random.Generator
) -> None:
    left, top, right = edges
    canvas.box(left, top, right, 1, colour=colour)
    if rng.random() < 0.3:
        middle = (left + right) / 2
        canvas.line([(middle, top - 0.07), (middle, top)], 0.006, colour=colour)
    lit = mix(colours.glow, colour, 0.2)
    columns = max(2, int((right - left) / 0.034))
    step = (right - left) / columns
    for floor in range(int((0.84 - top) / 0.05)):
        for column in np.flatnonzero(rng.random(columns) < 0.42):
            x, y = left + (float(column) + 0.3) * step, top + 0.025 + floor * 0.05
            canvas.box(x, y, x + 0.4 * step, y + 0.022, colour=lit)


def _paint_forest(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    layers = ((colours.far, 0.70, 0.34, 15), (colours.middle, 0.82, 0.46, 11), (colours.near, 0.97, 0.62, 7))
    for colour, ground, height, trees in layers:
        canvas.polygon(_ridge(canvas, _rolling(rng, level=ground, swing=0.012)), colour)
        for place in range(trees):
            x = (place + float(rng.uniform(0.1, 0.9))) / trees * canvas.width
            if colour == colours.near and abs(x - canvas.width / 2) < 0.48:
                continue
            _paint_pine(canvas, (x, ground + 0.03), height=height * float(rng.uniform(0.75, 1.15)), colour=colour)


def _paint_pine(canvas: Canvas, foot: Point, *, height: float, colour: Colour) -> None:
    x, y = foot
    canvas.box(x - 0.03 * height, y - 0.2 * height, x + 0.03 * height, y, colour=shaded(colour, 0.25))
    for tier in range(4):
        low = y - height * (0.1 + 0.2 * tier)
        half = height * (0.26 - 0.052 * tier)
        canvas.polygon([(x - half, low), (x, low - 0.34 * height), (x + half, low)], colour)


def _paint_sea(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    far = mix(colours.horizon, colours.far, 0.7)
    size = (canvas.image.width, round(canvas.image.height * 0.42))
    canvas.image.paste(gradient(size, [(0.0, far), (1.0, colours.near)]), (0, canvas.image.height - size[1]))
    coast = _ridge(canvas, _rolling(rng, level=0.565, swing=0.012))[1:-1]
    canvas.polygon([*coast, (canvas.width, 0.585), (0, 0.585)], mix(colours.far, colours.horizon, 0.3))
    light = mix(colours.glow, far, 0.15)
    middle = canvas.width * float(rng.uniform(0.25, 0.75))
    for depth in np.sort(rng.random(46)):
        y = 0.59 + 0.40 * float(depth)
        spread = 0.05 + 0.3 * float(depth)
        x = middle + float(rng.normal(0, spread))
        half = float(rng.uniform(0.02, 0.10)) * (0.4 + float(depth))
        canvas.box(x - half, y, x + half, y + 0.003 + 0.004 * float(depth), colour=light)


def _paint_mountains(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    for colour, level, rough in ((colours.far, 0.5, 0.24), (colours.middle, 0.66, 0.18)):
        for _ in range(4):
            peak = (canvas.width * float(rng.uniform(0.0, 1.0)), level - rough * float(rng.uniform(0.5, 1.3)))
            _paint_peak(canvas, peak, colour=colour, rng=rng)
    canvas.polygon(_ridge(canvas, _rolling(rng, level=0.84, swing=0.025)), colours.near)


def _paint_peak(canvas: Canvas, peak: Point, *, colour: Colour, rng: np.random.Generator) -> None:
    x, y = peak
    height = 1 - y
    left, right = x - height * float(rng.uniform(0.8, 1.1)), x + height * float(rng.uniform(0.8, 1.1))
    canvas.polygon([(left, 1), (x, y), (right, 1)], colour)
    canvas.polygon([(x, y), (right, 1), (x + 0.12 * height, 1), (x + 0.04, y + 0.4 * height)], shaded(colour, 0.16))
    snow = mix(colour, (255, 255, 255), 0.62)
    down = 0.2 * height
    slope_left, slope_right = (x - left) / height * down, (right - x) / height * down
    canvas.polygon(
        [(x, y), (x - slope_left, y + down), (x - slope_left * 0.35, y + down * 0.7), (x, y + down * 1.15),
         (x + slope_right * 0.4, y + down * 0.75), (x + slope_right, y + down)],
        snow,
    )  # fmt: skip


def _paint_desert(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    mesa = float(rng.uniform(0.1, 0.7)) * canvas.width
    canvas.polygon(
        [(mesa - 0.22, 0.7), (mesa - 0.13, 0.44), (mesa + 0.15, 0.44), (mesa + 0.26, 0.7)],
        mix(colours.far, colours.horizon, 0.25),
    )
    for colour, level in ((colours.far, 0.66), (colours.middle, 0.77), (colours.near, 0.9)):
        dune = _rolling(rng, level=level, swing=0.035)
        sunny = mix(colour, colours.horizon, 0.28)
        canvas.polygon(_ridge(canvas, dune), sunny)
        canvas.polygon(_ridge(canvas, dune + 0.02 + 0.05 * np.linspace(0, 1, dune.size)), colour)
    for _ in range(2):
        x = canvas.width * (float(rng.uniform(0.03, 0.2)) if rng.random() < 0.5 else float(rng.uniform(0.8, 0.97)))
        _paint_cactus(canvas, (x, 0.9), colour=shaded(colours.near, 0.3))


def _paint_cactus(canvas: Canvas, foot: Point, *, colour: Colour) -> None:
    x, y = foot
    canvas.box(x - 0.018, y - 0.3, x + 0.018, y, colour=colour, radius=0.018)
    canvas.line([(x - 0.07, y - 0.22), (x - 0.07, y - 0.12), (x, y - 0.12)], 0.024, colour=colour)
    canvas.line([(x + 0.065, y - 0.25), (x + 0.065, y - 0.16), (x, y - 0.16)], 0.024, colour=colour)


def _paint_space(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    deep = shaded(colours.sky, 0.35)
    canvas.image.paste(gradient(canvas.image.size, [(0.0, deep), (0.7, colours.sky), (1.0, colours.horizon)]))
    for _ in range(3):
        at = (canvas.width * float(rng.random()), float(rng.uniform(0.1, 0.7)))
        glow(canvas, at, float(rng.uniform(0.35, 0.6)), colour=colours.accent, strength=0.35)
    _paint_stars(canvas, colours, count=120, rng=rng)
    x, y = canvas.width * float(rng.choice([0.2, 0.8])), float(rng.uniform(0.22, 0.4))
    radius = float(rng.uniform(0.15, 0.24))
    glow(canvas, (x, y), radius * 1.9, colour=colours.glow, strength=0.5)
    canvas.oval((x, y), radius, radius, colour=mix(colours.accent, colours.far, 0.35))
    canvas.oval((x - radius * 0.14, y - radius * 0.14), radius * 0.84, radius * 0.84,
                colour=mix(colours.accent, colours.glow, 0.3))  # fmt: skip
    ring = mix(colours.glow, colours.accent, 0.3)
    canvas.arc((x, y), radius * 1.75, radius * 0.42, angles=(-28, 208), width=0.014, colour=ring)
    canvas.polygon(_ridge(canvas, _rolling(rng, level=0.89, swing=0.02)), colours.near)


def _paint_room(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    wall = mix(colours.far, colours.middle, 0.45)
    canvas.image.paste(gradient(canvas.image.size, [(0.0, shaded(wall, 0.22)), (0.8, wall), (1.0, wall)]))
    window = canvas.width * float(rng.choice([0.22, 0.74]))
    frame = mix(wall, (255, 255, 255), 0.35)
    canvas.box(window - 0.25, 0.1, window + 0.25, 0.58, colour=frame)
    for left, right in ((-0.23, -0.01), (0.01, 0.23)):
        canvas.box(window + left, 0.12, window + right, 0.33, colour=colours.sky)
        canvas.box(window + left, 0.35, window + right, 0.56, colour=colours.horizon)
    canvas.box(0, 0.8, canvas.width, 1, colour=colours.near)
    canvas.box(0, 0.785, canvas.width, 0.8, colour=frame)
    other = canvas.width - window
    canvas.box(other - 0.13, 0.16, other + 0.13, 0.34, colour=frame)
    canvas.box(other - 0.11, 0.18, other + 0.11, 0.32, colour=colours.accent)
    sofa = mix(colours.middle, colours.accent, 0.45)
    canvas.box(other - 0.34, 0.56, other + 0.34, 0.86, colour=shaded(sofa, 0.2), radius=0.05)
    canvas.box(other - 0.38, 0.68, other + 0.38, 0.88, colour=sofa, radius=0.05)
    lamp = other + 0.44 if other < canvas.width / 2 else other - 0.44
    glow(canvas, (lamp, 0.44), 0.36, colour=colours.glow, strength=0.8)
    canvas.line([(lamp, 0.46), (lamp, 0.86)], 0.01, colour=shaded(colours.near, 0.3))
    canvas.polygon([(lamp - 0.05, 0.38), (lamp + 0.05, 0.38), (lamp + 0.085, 0.49), (lamp - 0.085, 0.49)], colours.glow)


def _paint_studio(canvas: Canvas, colours: Colours, rng: np.random.Generator) -> None:
    back = mix(colours.middle, colours.accent, 0.25)
    canvas.image.paste(gradient(canvas.image.size, [(0.0, shaded(back, 0.2)), (0.85, back), (1.0, shaded(back, 0.3))]))
    at = (canvas.width * float(rng.uniform(0.35, 0.65)), 0.45)
    glow(canvas, at, 1.0, colour=colours.horizon, strength=0.6)
    canvas.oval(at, 0.36, 0.36, colour=mix(back, colours.accent, 0.6))


_PAINTERS: dict[Setting, Painter] = {
    Setting.CITY: _paint_city,
    Setting.FOREST: _paint_forest,
    Setting.SEA: _paint_sea,
    Setting.MOUNTAINS: _paint_mountains,
    Setting.DESERT: _paint_desert,
    Setting.SPACE: _paint_space,
    Setting.ROOM: _paint_room,
    Setting.STUDIO: _paint_studio,
}
_UNDER_THE_SKY = frozenset({Setting.CITY, Setting.FOREST, Setting.SEA, Setting.MOUNTAINS, Setting.DESERT})
