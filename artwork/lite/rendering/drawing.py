"""From a scene to its image: backdrop, prop, people, lettering, grain of light. Knows the order, not the shapes."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from artwork.lite.rendering.backdrops import paint_backdrop
from artwork.lite.rendering.canvas import Canvas, vignette
from artwork.lite.rendering.colours import Colours, colours_of, mix
from artwork.lite.rendering.lettering import fade, letter
from artwork.lite.rendering.people import paint_people
from artwork.lite.rendering.props import paint_prop
from artwork.lite.scene import Prop, Scene, Shot

_FOCUS = {Shot.WIDE: (1, 0.0), Shot.MEDIUM: (2, 1.6), Shot.CLOSE: (3, 3.2)}
"""By how much the backdrop is drawn smaller, and its blur in 240ths of the height: near people are in focus."""

_FLOATING = frozenset({Prop.HEART, Prop.BALLOON, Prop.ROCKET})


def render(scene: Scene, size: tuple[int, int] = (640, 360)) -> Image.Image:
    """Draw a scene as an RGB image of `size` pixels (width, height); the same scene always gives the same image.

    Drawn at twice the size and reduced, so that edges are smooth.
    """
    rng = np.random.default_rng(scene.seed)
    colours = colours_of(scene.palette, scene.light)
    large = (size[0] * 2, size[1] * 2)
    image = _backdrop(scene, large, colours=colours, rng=rng)
    canvas = Canvas(image)
    if scene.people:
        paint_people(canvas, scene, colours=colours, rng=rng)
    if scene.prop is not None:
        _place_prop(canvas, scene, scene.prop, colours=colours, rng=rng)
    small = ImageChops.multiply(image.reduce(2), vignette(size))
    if scene.text:
        top = scene.shot is Shot.WIDE or not scene.people
        fade(small, top=top)
        letter(small, scene.text, colour=mix(colours.glow, (255, 255, 255), 0.55), shadow=(10, 10, 14), top=top)
    return small


def _backdrop(scene: Scene, size: tuple[int, int], *, colours: Colours, rng: np.random.Generator) -> Image.Image:
    smaller, blur = _FOCUS[scene.shot] if scene.people or scene.prop else _FOCUS[Shot.WIDE]
    image = Image.new("RGB", (max(1, size[0] // smaller), max(1, size[1] // smaller)))
    paint_backdrop(Canvas(image), scene.setting, colours=colours, light=scene.light, rng=rng)
    if not blur:
        return image
    return image.filter(ImageFilter.BoxBlur(blur * image.height / 240)).resize(size, Image.Resampling.BICUBIC)


_ALONE = {Shot.CLOSE: 0.62, Shot.MEDIUM: 0.46, Shot.WIDE: 0.32}
_BESIDE_PEOPLE = {Shot.CLOSE: 0.46, Shot.MEDIUM: 0.40, Shot.WIDE: 0.34}
"""A prop's height by the shot."""


def _place_prop(canvas: Canvas, scene: Scene, prop: Prop, *, colours: Colours, rng: np.random.Generator) -> None:
    """Alone, a prop is the subject; beside people it keeps to one side, in front of them, above the lettering."""
    if scene.people:
        height = _BESIDE_PEOPLE[scene.shot]
        x = canvas.width * (0.15 if rng.random() < 0.5 else 0.85)
        floor = 0.74 if scene.text and scene.shot is not Shot.WIDE else 0.92
    else:
        height = _ALONE[scene.shot]
        x = canvas.width * float(rng.uniform(0.4, 0.6))
        floor = 0.88 + 0.25 * (height - 0.32)
    foot = min(floor, 0.5 + 0.5 * height) if prop in _FLOATING else floor
    paint_prop(canvas, prop, at=(x, foot), size=height, colours=colours)
