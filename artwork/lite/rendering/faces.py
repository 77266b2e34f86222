"""Faces: brows, eyes and mouth of each expression on a head of any size. Knows no bodies and no scenes."""

from dataclasses import dataclass

from artwork.lite.rendering.canvas import Canvas, Colour, Point
from artwork.lite.rendering.colours import mix, shaded
from artwork.lite.scene import Expression

_MOUTH_INSIDE: Colour = (96, 24, 32)
_TEETH: Colour = (246, 242, 234)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a head is and what it is painted with; `radius` is half its height."""

    at: Point
    radius: float
    skin: Colour
    hair: Colour
    eye: Colour

    def point(self, x: float, y: float) -> Point:
        """A point of the head: (0, 0) is its middle, (0, 1) the chin."""
        return (self.at[0] + x * self.radius, self.at[1] + y * self.radius)


def paint_face(canvas: Canvas, head: Head, expression: Expression) -> None:
    """Features on a head that is already painted."""
    _paint_eyes(canvas, head, wide=_EYES[expression])
    _paint_brows(canvas, head, expression)
    _paint_nose(canvas, head)
    _MOUTHS[expression](canvas, head)


_EYES = {
    Expression.CALM: 0.115,
    Expression.HAPPY: 0.10,
    Expression.SAD: 0.09,
    Expression.ANGRY: 0.085,
    Expression.SURPRISED: 0.19,
}
"""Half the height of the open eye, in head radii."""

_BROWS = {
    Expression.CALM: (-0.37, -0.40, -0.36),
    Expression.HAPPY: (-0.42, -0.49, -0.40),
    Expression.SAD: (-0.50, -0.42, -0.29),
    Expression.ANGRY: (-0.17, -0.30, -0.43),
    Expression.SURPRISED: (-0.52, -0.62, -0.52),
}
"""Height of a brow at its inner end, middle and outer end, in head radii."""


def _paint_eyes(canvas: Canvas, head: Head, *, wide: float) -> None:
    r = head.radius
    for side in (-1, 1):
        at = head.point(side * 0.33, -0.12)
        canvas.oval(at, 0.165 * r, wide * r, colour=mix((255, 255, 255), head.skin, 0.12))
        canvas.oval(at, min(0.1, wide) * r, min(0.1, wide) * r, colour=head.eye)
        canvas.oval(at, min(0.055, wide) * r, min(0.055, wide) * r, colour=(18, 14, 16))
        canvas.oval((at[0] - 0.03 * r, at[1] - 0.035 * r), 0.024 * r, 0.024 * r, colour=(255, 255, 255))
        canvas.arc(at, 0.175 * r, wide * r, angles=(190, 350), width=0.04 * r, colour=shaded(head.hair, 0.35))


def _paint_brows(canvas: Canvas, head: Head, expression: Expression) -> None:
    inner, middle, outer = _BROWS[expression]
    for side in (-1, 1):
        points = [head.point(side * x, y) for x, y in ((0.15, inner), (0.34, middle), (0.54, outer))]
        canvas.line(points, 0.085 * head.radius, colour=shaded(head.hair, 0.2))


def _paint_nose(canvas: Canvas, head: Head) -> None:
    line = shaded(head.skin, 0.28)
    canvas.line([head.point(0.02, -0.08), head.point(0.09, 0.2), head.point(-0.04, 0.24)], 0.035 * head.radius,
                colour=line)  # fmt: skip


def _paint_calm_mouth(canvas: Canvas, head: Head) -> None:
    canvas.arc(head.point(0, 0.46), 0.22 * head.radius, 0.05 * head.radius, angles=(10, 170),
               width=0.05 * head.radius, colour=_lips(head))  # fmt: skip


def _paint_happy_mouth(canvas: Canvas, head: Head) -> None:
    r = head.radius
    at = head.point(0, 0.38)
    for side in (-1, 1):
        canvas.oval(head.point(side * 0.52, 0.26), 0.13 * r, 0.09 * r, colour=mix(head.skin, (228, 92, 84), 0.35))
    canvas.chord(at, 0.36 * r, 0.33 * r, angles=(0, 180), colour=_MOUTH_INSIDE)
    canvas.chord(at, 0.31 * r, 0.17 * r, angles=(0, 180), colour=_TEETH)
    canvas.arc(at, 0.36 * r, 0.33 * r, angles=(0, 180), width=0.04 * r, colour=_lips(head))


def _paint_sad_mouth(canvas: Canvas, head: Head) -> None:
    r = head.radius
    canvas.arc(head.point(0, 0.66), 0.29 * r, 0.22 * r, angles=(200, 340), width=0.065 * r, colour=_lips(head))
    tear = head.point(0.36, 0.14)
    canvas.oval(tear, 0.05 * r, 0.085 * r, colour=(186, 222, 246))


def _paint_angry_mouth(canvas: Canvas, head: Head) -> None:
    r = head.radius
    left, top = head.point(-0.27, 0.42)
    right, low = head.point(0.27, 0.61)
    canvas.box(left, top, right, low, colour=_lips(head), radius=0.06 * r)
    canvas.box(left + 0.04 * r, top + 0.045 * r, right - 0.04 * r, low - 0.045 * r, colour=_TEETH)
    for x in (-0.14, 0.0, 0.14):
        canvas.line([head.point(x, 0.45), head.point(x, 0.58)], 0.014 * r, colour=(120, 100, 96))
    for side in (-1, 1):
        canvas.line([head.point(side * 0.05, -0.34), head.point(side * 0.04, -0.2)], 0.03 * r,
                    colour=shaded(head.skin, 0.35))  # fmt: skip


def _paint_surprised_mouth(canvas: Canvas, head: Head) -> None:
    r = head.radius
    canvas.oval(head.point(0, 0.55), 0.17 * r, 0.24 * r, colour=_lips(head))
    canvas.oval(head.point(0, 0.55), 0.13 * r, 0.20 * r, colour=_MOUTH_INSIDE)


def _lips(head: Head) -> Colour:
    return mix(shaded(head.skin, 0.35), (168, 40, 48), 0.45)


_MOUTHS = {
    Expression.CALM: _paint_calm_mouth,
    Expression.HAPPY: _paint_happy_mouth,
    Expression.SAD: _paint_sad_mouth,
    Expression.ANGRY: _paint_angry_mouth,
    Expression.SURPRISED: _paint_surprised_mouth,
}
