"""Props: the one thing that an artwork shows beside people. Knows their shapes, not their meaning."""

from collections.abc import Callable

from artwork.lite.rendering.canvas import Canvas, Colour, Point
from artwork.lite.rendering.colours import Colours, mix, shaded
from artwork.lite.scene import Prop

_GLASS: Colour = (214, 234, 244)
_METAL: Colour = (226, 230, 236)
_WOOD: Colour = (150, 90, 46)
_GOLD: Colour = (236, 186, 62)
_RED: Colour = (206, 46, 58)


def paint_prop(canvas: Canvas, prop: Prop, *, at: Point, size: float, colours: Colours) -> None:
    """Paint a prop that stands on, or floats above, the point `at`; `size` is about its height."""
    _PAINTERS[prop](_Frame(canvas, at, size), colours)


class _Frame:
    """A canvas in units of the prop: (0, 0) is its foot, (0, -1) its top."""

    def __init__(self, canvas: Canvas, at: Point, size: float) -> None:
        self.canvas, self.at, self.size = canvas, at, size

    def place(self, x: float, y: float) -> Point:
        return (self.at[0] + x * self.size, self.at[1] + y * self.size)

    def polygon(self, points: tuple[Point, ...], colour: Colour) -> None:
        self.canvas.polygon([self.place(*point) for point in points], colour)

    def oval(self, x: float, y: float, radii: Point, colour: Colour) -> None:
        self.canvas.oval(self.place(x, y), radii[0] * self.size, radii[1] * self.size, colour=colour)

    def box(self, corner: Point, other: Point, colour: Colour, radius: float = 0.0) -> None:
        (left, top), (right, low) = self.place(*corner), self.place(*other)
        self.canvas.box(left, top, right, low, colour=colour, radius=radius * self.size)

    def line(self, points: tuple[Point, ...], width: float, colour: Colour) -> None:
        self.canvas.line([self.place(*point) for point in points], width * self.size, colour=colour)


def _paint_car(frame: _Frame, colours: Colours) -> None:
    body = mix(colours.graded(_RED), colours.accent, 0.25)
    frame.polygon(((-0.55, -0.42), (-0.3, -0.78), (0.3, -0.78), (0.58, -0.42)), body)
    glass = colours.graded(_GLASS)
    frame.polygon(((-0.42, -0.44), (-0.25, -0.71), (-0.03, -0.71), (-0.03, -0.44)), glass)
    frame.polygon(((0.03, -0.44), (0.03, -0.71), (0.26, -0.71), (0.44, -0.44)), glass)
    frame.box((-0.95, -0.45), (0.95, -0.14), body, 0.1)
    frame.box((-0.95, -0.24), (0.95, -0.14), shaded(body, 0.3), 0.05)
    frame.oval(0.9, -0.35, (0.06, 0.06), colours.glow)
    for x in (-0.55, 0.55):
        frame.oval(x, -0.14, (0.18, 0.18), (24, 24, 28))
        frame.oval(x, -0.14, (0.09, 0.09), colours.graded(_METAL))


def _paint_sailboat(frame: _Frame, colours: Colours) -> None:
    wood = colours.graded(_WOOD)
    frame.line(((0.0, -0.95), (0.0, -0.2)), 0.035, shaded(wood, 0.3))
    sail = colours.graded((250, 246, 236))
    frame.polygon(((0.04, -0.95), (0.04, -0.26), (0.52, -0.26)), sail)
    frame.polygon(((-0.04, -0.85), (-0.04, -0.26), (-0.4, -0.26)), mix(sail, colours.accent, 0.5))
    frame.polygon(((-0.62, -0.22), (0.66, -0.22), (0.44, 0.02), (-0.44, 0.02)), wood)
    frame.polygon(((-0.62, -0.22), (0.66, -0.22), (0.62, -0.17), (-0.58, -0.17)), shaded(wood, -0.3))


def _paint_rocket(frame: _Frame, colours: Colours) -> None:
    metal = colours.graded(_METAL)
    fin = mix(colours.graded(_RED), colours.accent, 0.3)
    frame.polygon(((-0.1, -0.1), (0.1, -0.1), (0.0, 0.22)), colours.glow)
    frame.polygon(((-0.16, -0.42), (-0.36, -0.08), (-0.12, -0.12)), fin)
    frame.polygon(((0.16, -0.42), (0.36, -0.08), (0.12, -0.12)), shaded(fin, 0.25))
    frame.oval(0, -0.55, (0.19, 0.47), metal)
    frame.polygon(((0, -1.02), (0.12, -0.92), (0.19, -0.55), (0.1, -0.12), (0.05, -0.5)), shaded(metal, 0.18))
    frame.polygon(((-0.125, -0.9), (0, -1.1), (0.125, -0.9)), fin)
    frame.oval(0, -0.64, (0.095, 0.095), shaded(metal, 0.5))
    frame.oval(0, -0.64, (0.065, 0.065), colours.graded((120, 196, 226)))


def _paint_castle(frame: _Frame, colours: Colours) -> None:
    stone = colours.graded((186, 178, 176))
    roof = mix(colours.graded((92, 70, 128)), colours.accent, 0.3)
    for x, half, top in ((-0.5, 0.13, -0.62), (0.5, 0.13, -0.62), (0.0, 0.19, -0.78)):
        frame.box((x - half, top), (x + half, 0), shaded(stone, 0.08))
        frame.box((x, top), (x + half, 0), shaded(stone, 0.22))
        frame.polygon(((x - half - 0.05, top), (x, top - 0.34), (x + half + 0.05, top)), roof)
        frame.box((x - 0.03, top + 0.1), (x + 0.03, top + 0.22), colours.glow, 0.03)
    frame.box((-0.6, -0.34), (0.6, 0), stone)
    for step in range(7):
        frame.box((-0.6 + step * 0.18, -0.41), (-0.5 + step * 0.18, -0.33), stone)
    frame.box((-0.11, -0.22), (0.11, 0.01), shaded(stone, 0.65), 0.08)


def _paint_heart(frame: _Frame, colours: Colours) -> None:
    red = colours.graded((226, 44, 70))
    for x in (-0.235, 0.235):
        frame.oval(x, -0.68, (0.265, 0.265), red)
    frame.polygon(((-0.475, -0.58), (0.475, -0.58), (0.0, 0.0)), red)
    frame.polygon(((-0.3, -0.75), (0.3, -0.75), (0.3, -0.5), (-0.3, -0.5)), red)
    frame.oval(-0.28, -0.76, (0.08, 0.06), shaded(red, -0.55))


def _paint_guitar(frame: _Frame, colours: Colours) -> None:
    wood = colours.graded((206, 128, 52))
    dark = colours.graded((74, 44, 30))
    frame.box((-0.035, -1.0), (0.035, -0.4), dark)
    frame.box((-0.075, -1.12), (0.075, -0.95), dark, 0.03)
    frame.oval(0, -0.24, (0.31, 0.27), shaded(wood, 0.35))
    frame.oval(0, -0.25, (0.28, 0.245), wood)
    frame.oval(0, -0.53, (0.21, 0.18), wood)
    frame.oval(0, -0.42, (0.085, 0.085), shaded(dark, 0.4))
    frame.box((-0.1, -0.17), (0.1, -0.13), dark)
    frame.line(((0.0, -1.0), (0.0, -0.15)), 0.012, colours.graded(_METAL))


def _paint_balloon(frame: _Frame, colours: Colours) -> None:
    silk = mix(colours.graded(_RED), colours.accent, 0.4)
    pale = colours.graded((250, 236, 206))
    frame.line(((-0.24, -0.4), (-0.08, -0.14)), 0.014, shaded(silk, 0.4))
    frame.line(((0.24, -0.4), (0.08, -0.14)), 0.014, shaded(silk, 0.4))
    frame.polygon(((-0.36, -0.5), (0.36, -0.5), (0.1, -0.22), (-0.1, -0.22)), silk)
    frame.oval(0, -0.68, (0.4, 0.4), silk)
    frame.oval(0, -0.68, (0.25, 0.4), pale)
    frame.oval(0, -0.68, (0.1, 0.4), silk)
    frame.box((-0.1, -0.14), (0.1, 0.01), colours.graded(_WOOD), 0.025)


def _paint_crown(frame: _Frame, colours: Colours) -> None:
    gold = colours.graded(_GOLD)
    frame.polygon(
        ((-0.5, -0.68), (-0.26, -0.42), (0.0, -0.85), (0.26, -0.42), (0.5, -0.68), (0.42, 0.0), (-0.42, 0.0)), gold
    )
    frame.polygon(((0.0, -0.85), (0.26, -0.42), (0.5, -0.68), (0.42, 0.0), (0.0, 0.0)), shaded(gold, 0.14))
    frame.box((-0.43, -0.17), (0.43, 0.0), shaded(gold, 0.25))
    for x, y in ((-0.5, -0.72), (0.0, -0.9), (0.5, -0.72)):
        frame.oval(x, y, (0.06, 0.06), shaded(gold, -0.4))
    for x in (-0.24, 0.0, 0.24):
        frame.oval(x, -0.085, (0.05, 0.05), colours.graded(_RED if x else (60, 120, 196)))


_PAINTERS: dict[Prop, Callable[[_Frame, Colours], None]] = {
    Prop.CAR: _paint_car,
    Prop.SAILBOAT: _paint_sailboat,
    Prop.ROCKET: _paint_rocket,
    Prop.CASTLE: _paint_castle,
    Prop.HEART: _paint_heart,
    Prop.GUITAR: _paint_guitar,
    Prop.BALLOON: _paint_balloon,
    Prop.CROWN: _paint_crown,
}
