"""Six contrasting scenes for a title, chosen by its genre. Knows what a genre likes to show, not how it is drawn."""

from dataclasses import dataclass

import numpy as np

from artwork.lite.scene import Expression, Light, Palette, Prop, Scene, Setting, Shot, one_of, shows_faces


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreLook:
    """What artworks of a genre are usually made of."""

    settings: tuple[Setting, ...]
    palettes: tuple[Palette, ...]
    lights: tuple[Light, ...]
    expressions: tuple[Expression, ...]
    props: tuple[Prop, ...]


LOOKS: dict[str, GenreLook] = {
    "action": GenreLook(
        settings=(Setting.CITY, Setting.DESERT, Setting.SEA),
        palettes=(Palette.AMBER, Palette.CRIMSON, Palette.AZURE),
        lights=(Light.MID, Light.DARK),
        expressions=(Expression.ANGRY, Expression.CALM, Expression.SURPRISED),
        props=(Prop.CAR, Prop.ROCKET),
    ),
    "adventure": GenreLook(
        settings=(Setting.MOUNTAINS, Setting.SEA, Setting.DESERT),
        palettes=(Palette.AMBER, Palette.EMERALD, Palette.AZURE),
        lights=(Light.BRIGHT, Light.MID),
        expressions=(Expression.HAPPY, Expression.SURPRISED, Expression.CALM),
        props=(Prop.SAILBOAT, Prop.BALLOON, Prop.CASTLE),
    ),
    "comedy": GenreLook(
        settings=(Setting.ROOM, Setting.CITY, Setting.STUDIO),
        palettes=(Palette.AMBER, Palette.AZURE, Palette.VIOLET),
        lights=(Light.BRIGHT, Light.MID),
        expressions=(Expression.HAPPY, Expression.SURPRISED, Expression.CALM),
        props=(Prop.CAR, Prop.BALLOON, Prop.GUITAR),
    ),
    "drama": GenreLook(
        settings=(Setting.ROOM, Setting.STUDIO, Setting.CITY),
        palettes=(Palette.SILVER, Palette.AZURE, Palette.CRIMSON),
        lights=(Light.MID, Light.DARK),
        expressions=(Expression.SAD, Expression.CALM, Expression.ANGRY),
        props=(Prop.GUITAR, Prop.HEART, Prop.CROWN),
    ),
    "fantasy": GenreLook(
        settings=(Setting.FOREST, Setting.MOUNTAINS, Setting.SPACE),
        palettes=(Palette.VIOLET, Palette.EMERALD, Palette.AMBER),
        lights=(Light.MID, Light.BRIGHT),
        expressions=(Expression.CALM, Expression.SURPRISED, Expression.HAPPY),
        props=(Prop.CASTLE, Prop.CROWN),
    ),
    "horror": GenreLook(
        settings=(Setting.FOREST, Setting.ROOM, Setting.CITY),
        palettes=(Palette.CRIMSON, Palette.SILVER, Palette.EMERALD),
        lights=(Light.DARK, Light.MID),
        expressions=(Expression.SURPRISED, Expression.SAD, Expression.ANGRY),
        props=(Prop.CASTLE, Prop.CROWN),
    ),
    "romance": GenreLook(
        settings=(Setting.SEA, Setting.CITY, Setting.ROOM),
        palettes=(Palette.CRIMSON, Palette.VIOLET, Palette.AMBER),
        lights=(Light.BRIGHT, Light.MID),
        expressions=(Expression.HAPPY, Expression.CALM, Expression.SAD),
        props=(Prop.HEART, Prop.GUITAR, Prop.SAILBOAT),
    ),
    "science fiction": GenreLook(
        settings=(Setting.SPACE, Setting.CITY, Setting.DESERT),
        palettes=(Palette.AZURE, Palette.VIOLET, Palette.EMERALD),
        lights=(Light.DARK, Light.MID),
        expressions=(Expression.CALM, Expression.SURPRISED, Expression.ANGRY),
        props=(Prop.ROCKET, Prop.CAR),
    ),
}
"""One look a genre; a genre of another name gets a look chosen by chance, so that it still is consistent."""

_FRAMES: tuple[tuple[int, Shot], ...] = (
    (1, Shot.CLOSE),
    (2, Shot.MEDIUM),
    (0, Shot.WIDE),
    (3, Shot.WIDE),
    (1, Shot.MEDIUM),
    (2, Shot.CLOSE),
)
"""People and shot of a title's six artworks: the contrasts that viewers' tastes differ in most."""


def scenes_for_title(rng: np.random.Generator, name: str, genre: str) -> list[Scene]:
    """Six scenes of one title that differ in people, shot, expression, light and colour, all lettered with its name.

    Their order is by chance, so that the place of an artwork says nothing of what it shows.
    """
    look = LOOKS.get(genre.lower()) or LOOKS[one_of(rng, sorted(LOOKS))]
    turn = int(rng.integers(3))
    return [
        Scene(
            people=people,
            expression=look.expressions[(index + turn) % 3] if shows_faces(people, shot) else None,
            shot=shot,
            setting=look.settings[(index // 2 + turn) % 3],
            palette=look.palettes[(index + turn) % 3],
            light=look.lights[(index + turn) % len(look.lights)],
            prop=one_of(rng, look.props) if shot is Shot.WIDE else None,
            text=name,
            seed=int(rng.integers(0, 2**31)),
        )
        for index, (people, shot) in _shuffled(rng, tuple(enumerate(_FRAMES)))
    ]


def _shuffled(
    rng: np.random.Generator, frames: tuple[tuple[int, tuple[int, Shot]], ...]
) -> list[tuple[int, tuple[int, Shot]]]:
    return [frames[place] for place in rng.permutation(len(frames))]
