"""The colours of a scene, from its palette and its light. Knows no shapes."""

import colorsys
from dataclasses import dataclass

from artwork.lite.rendering.canvas import Colour
from artwork.lite.scene import Light, Palette


@dataclass(frozen=True, slots=True, kw_only=True)
class Hues:
    """Hue of the whole and of what stands out, both in turns of the colour wheel, and how colourful it is."""

    main: float
    accent: float
    saturation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Lightness of each depth of the picture, and how much colours of things give way to the tint."""

    sky: float
    horizon: float
    far: float
    middle: float
    near: float
    accent: float
    tint: float
    exposure: float


HUES = {
    Palette.AMBER: Hues(main=0.09, accent=0.125, saturation=0.78),
    Palette.CRIMSON: Hues(main=0.975, accent=0.005, saturation=0.72),
    Palette.EMERALD: Hues(main=0.42, accent=0.17, saturation=0.58),
    Palette.AZURE: Hues(main=0.57, accent=0.09, saturation=0.68),
    Palette.VIOLET: Hues(main=0.75, accent=0.91, saturation=0.58),
    Palette.SILVER: Hues(main=0.58, accent=0.58, saturation=0.06),
}

LEVELS = {
    Light.BRIGHT: Levels(
        sky=0.66, horizon=0.90, far=0.72, middle=0.54, near=0.36, accent=0.60, tint=0.12, exposure=1.0
    ),
    Light.MID: Levels(sky=0.30, horizon=0.66, far=0.44, middle=0.29, near=0.17, accent=0.46, tint=0.26, exposure=0.82),
    Light.DARK: Levels(
        sky=0.05, horizon=0.24, far=0.155, middle=0.10, near=0.05, accent=0.30, tint=0.34, exposure=0.62
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """What a drawing is painted with, from the back to the front."""

    sky: Colour
    horizon: Colour
    far: Colour
    middle: Colour
    near: Colour
    glow: Colour
    rim: Colour
    accent: Colour
    tint: Colour
    levels: Levels

    def graded(self, colour: Colour) -> Colour:
        """A thing's own colour as it looks in this light."""
        exposed = tuple(round(part * self.levels.exposure) for part in colour)
        return mix((exposed[0], exposed[1], exposed[2]), self.tint, self.levels.tint)


def colours_of(palette: Palette, light: Light) -> Colours:
    """The colours of a palette in a light."""
    hues, levels = HUES[palette], LEVELS[light]
    saturation = hues.saturation
    warm = hues.accent if light is Light.MID else hues.main
    return Colours(
        sky=tone(hues.main, levels.sky, saturation),
        horizon=tone(warm, levels.horizon, saturation),
        far=tone(hues.main, levels.far, saturation * 0.75),
        middle=tone(hues.main, levels.middle, saturation * 0.8),
        near=tone(hues.main, levels.near, saturation * 0.85),
        glow=tone(hues.accent, 0.93 if light is Light.BRIGHT else 0.84, min(1.0, saturation + 0.1)),
        rim=tone(hues.accent, 0.78, saturation),
        accent=tone(hues.accent, levels.accent, min(1.0, saturation + 0.12)),
        tint=tone(hues.main, levels.middle + 0.08, saturation),
        levels=levels,
    )


def tone(hue: float, lightness: float, saturation: float) -> Colour:
    """The colour of a hue (in turns), lightness and saturation (0 to 1)."""
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, min(1.0, lightness), saturation)
    return (round(red * 255), round(green * 255), round(blue * 255))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with a share (0 to 1) of `other`."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def shaded(colour: Colour, share: float) -> Colour:
    """Darker by a share for positive numbers, lighter for negative ones."""
    return mix(colour, (0, 0, 0), share) if share >= 0 else mix(colour, (255, 255, 255), -share)
