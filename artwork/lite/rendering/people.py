"""People: heads, hair and bodies, near or far. Knows where they stand in a shot, not what is behind them."""

from dataclasses import dataclass

import numpy as np

from artwork.lite.rendering.canvas import Canvas, Colour
from artwork.lite.rendering.colours import Colours, shaded, tone
from artwork.lite.rendering.faces import Head, paint_face
from artwork.lite.scene import Expression, Scene, Shot, one_of

_SKINS: tuple[Colour, ...] = (
    (252, 219, 190), (240, 194, 154), (221, 165, 122), (184, 124, 82), (140, 88, 56), (98, 60, 42),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (38, 28, 30), (74, 46, 32), (126, 78, 40), (196, 148, 74), (158, 62, 34), (168, 166, 170),
)  # fmt: skip
_EYES: tuple[Colour, ...] = ((78, 48, 30), (64, 104, 132), (72, 108, 72))

_RADIUS = {
    Shot.CLOSE: (0.0, 0.29, 0.25, 0.21),
    Shot.MEDIUM: (0.0, 0.145, 0.14, 0.13),
    Shot.WIDE: (0.0, 0.062, 0.06, 0.058),
}
"""Half the height of a head, by how many share the picture."""

_EYE_LEVEL = {Shot.CLOSE: 0.43, Shot.MEDIUM: 0.36, Shot.WIDE: 0.42}
_FOOT_LEVEL = 0.95
_HAIR_STYLES = ("short", "long", "bun", "curly", "bald")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person, painted: a head and what surrounds it."""

    head: Head
    clothes: Colour
    rim: Colour
    hair_style: str


def paint_people(canvas: Canvas, scene: Scene, *, colours: Colours, rng: np.random.Generator) -> None:
    """Stand the scene's people side by side; all faces show its one expression, or none can be read."""
    shot, count = scene.shot, scene.people
    radius = _RADIUS[shot][count]
    shift = float(rng.uniform(-0.12, 0.12)) * (canvas.width - count * 2.6 * radius)
    gap = (2.5 if shot is Shot.CLOSE else 3.3) * radius
    level = _EYE_LEVEL[shot] - (0.04 if scene.text and shot is Shot.CLOSE else 0.0)
    for place in range(count):
        x = canvas.width / 2 + shift + (place - (count - 1) / 2) * gap
        y = level + float(rng.uniform(-0.08, 0.08)) * radius
        person = _someone(colours, (x, y), radius=radius * float(rng.uniform(0.94, 1.06)), rng=rng)
        if shot is Shot.WIDE:
            _paint_standing(canvas, person, rng=rng)
        else:
            _paint_bust(canvas, person)
        _paint_head(canvas, person, scene.expression)


def _someone(colours: Colours, at: tuple[float, float], *, radius: float, rng: np.random.Generator) -> Person:
    clothes = tone(float(rng.random()), float(rng.uniform(0.32, 0.62)), float(rng.uniform(0.3, 0.7)))
    head = Head(
        at=at,
        radius=radius,
        skin=colours.graded(one_of(rng, _SKINS)),
        hair=colours.graded(one_of(rng, _HAIRS)),
        eye=one_of(rng, _EYES),
    )
    return Person(head=head, clothes=colours.graded(clothes), rim=colours.rim, hair_style=one_of(rng, _HAIR_STYLES))


def _paint_bust(canvas: Canvas, person: Person) -> None:
    head, r = person.head, person.head.radius
    if person.hair_style == "long":
        canvas.oval(head.point(0, 0.25), 1.02 * r, 1.35 * r, colour=shaded(head.hair, 0.2))
    left, shoulder = head.point(-1.75, 1.42)
    right, _ = head.point(1.75, 1.42)
    canvas.box(left + 0.06 * r, shoulder - 0.05 * r, right + 0.06 * r, 1.2, colour=person.rim, radius=0.7 * r)
    canvas.box(left, shoulder, right, 1.2, colour=person.clothes, radius=0.7 * r)
    canvas.polygon([head.point(0.5, 1.42), (right, shoulder + 0.5 * r), (right, 1.2), (head.at[0] + 0.9 * r, 1.2)],
                   shaded(person.clothes, 0.16))  # fmt: skip
    shadow = shaded(head.skin, 0.24)
    canvas.polygon([head.point(*at) for at in ((-0.36, 0.6), (0.36, 0.6), (0.46, 1.45), (0.0, 1.85), (-0.46, 1.45))],
                   shadow)  # fmt: skip
    collar = shaded(person.clothes, -0.25)
    canvas.line([head.point(-0.5, 1.38), head.point(0, 1.9), head.point(0.5, 1.38)], 0.09 * r, colour=collar)


def _paint_standing(canvas: Canvas, person: Person, *, rng: np.random.Generator) -> None:
    head, r = person.head, person.head.radius
    hip = head.at[1] + 4.9 * r
    legs = shaded(person.clothes, 0.45)
    for side in (-1, 1):
        foot = head.at[0] + side * 0.62 * r
        canvas.line([(head.at[0] + side * 0.36 * r, hip), (foot, _FOOT_LEVEL)], 0.62 * r, colour=legs)
        canvas.oval((foot + 0.12 * r, _FOOT_LEVEL), 0.44 * r, 0.2 * r, colour=shaded(legs, 0.4))
        hand = (head.at[0] + side * 1.75 * r, head.at[1] + (0.4 if rng.random() < 0.2 else 4.2) * r)
        canvas.line([(head.at[0] + side * 0.85 * r, head.at[1] + 1.7 * r), hand], 0.46 * r, colour=person.clothes)
        canvas.oval(hand, 0.28 * r, 0.28 * r, colour=head.skin)
    canvas.box(head.at[0] - 1.05 * r, head.at[1] + 1.25 * r, head.at[0] + 1.05 * r, hip + 0.2 * r,
               colour=person.clothes, radius=0.5 * r)  # fmt: skip
    canvas.box(head.at[0] - 0.3 * r, head.at[1] + 0.7 * r, head.at[0] + 0.3 * r, head.at[1] + 1.4 * r,
               colour=shaded(head.skin, 0.2))  # fmt: skip


def _paint_head(canvas: Canvas, person: Person, expression: Expression | None) -> None:
    head, r = person.head, person.head.radius
    if person.hair_style == "curly":
        for x, y in ((-0.75, -0.3), (-0.6, -0.75), (-0.15, -1.0), (0.35, -0.95), (0.72, -0.6), (0.82, -0.15)):
            canvas.oval(head.point(x, y), 0.42 * r, 0.42 * r, colour=head.hair)
    elif person.hair_style == "bun":
        canvas.oval(head.point(0.05, -1.18), 0.36 * r, 0.33 * r, colour=head.hair)
    shade = shaded(head.skin, 0.16)
    for side in (-1, 1):
        canvas.oval(head.point(side * 0.8, 0.02), 0.13 * r, 0.2 * r, colour=shade)
    canvas.oval(head.point(0.055, -0.02), 0.8 * r, r, colour=person.rim)
    canvas.oval(head.at, 0.8 * r, r, colour=shade)
    canvas.oval(head.point(-0.07, -0.02), 0.72 * r, 0.95 * r, colour=head.skin)
    if person.hair_style != "bald":
        _paint_hair(canvas, person)
    if expression is not None:
        paint_face(canvas, head, expression)


def _paint_hair(canvas: Canvas, person: Person) -> None:
    head, r = person.head, person.head.radius
    canvas.chord(head.point(0, -0.12), 0.86 * r, 0.96 * r, angles=(196, 344), colour=head.hair)
    canvas.polygon([head.point(*at) for at in ((-0.83, -0.4), (-0.2, -0.62), (0.35, -0.9), (-0.3, -1.0))], head.hair)
    if person.hair_style == "long":
        for side in (-1, 1):
            canvas.polygon(
                [head.point(side * x, y) for x, y in ((0.62, -0.62), (0.95, -0.3), (1.0, 1.2), (0.7, 1.3), (0.74, 0))],
                head.hair,
            )
