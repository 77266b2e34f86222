"""True sentences about a scene, and the attributes they speak of. Knows words, not pixels and not the model.

Every phrase names one value of one attribute; the first phrase of a value is the prompt it is recognised by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from artwork.lite.scene import Expression, Light, Palette, Prop, Scene, Setting, Shot, one_of


class Attribute(StrEnum):
    """What a caption can speak of, in the order in which a sentence does."""

    SHOT = "shot"
    EXPRESSION = "expression"
    PEOPLE = "people"
    SETTING = "setting"
    LIGHT = "light"
    PALETTE = "palette"
    PROP = "prop"
    LETTERING = "lettering"


PHRASES: dict[Attribute, dict[str, tuple[str, ...]]] = {
    Attribute.SHOT: {
        Shot.CLOSE: ("a close-up", "a close shot", "a tight portrait"),
        Shot.MEDIUM: ("a medium shot", "a half-length shot", "a shot from the waist up"),
        Shot.WIDE: ("a wide shot", "a long shot", "a view from far away"),
    },
    Attribute.EXPRESSION: {
        Expression.CALM: ("calm", "neutral", "composed", "quiet"),
        Expression.HAPPY: ("happy", "smiling", "laughing", "joyful"),
        Expression.SAD: ("sad", "crying", "unhappy", "tearful"),
        Expression.ANGRY: ("angry", "furious", "shouting", "raging"),
        Expression.SURPRISED: ("surprised", "shocked", "astonished", "scared"),
    },
    Attribute.PEOPLE: {
        "0": ("no people", "nobody", "no one"),
        "1": ("one person", "a single person", "a lone figure"),
        "2": ("two people", "a couple", "a pair of people"),
        "3": ("three people", "a trio", "a group of three"),
    },
    Attribute.SETTING: {
        Setting.CITY: ("in a city", "among tall buildings", "on a street", "before a skyline"),
        Setting.FOREST: ("in a forest", "in the woods", "among trees"),
        Setting.SEA: ("by the sea", "by the ocean", "at the water"),
        Setting.MOUNTAINS: ("in the mountains", "before snowy peaks"),
        Setting.DESERT: ("in a desert", "among sand dunes"),
        Setting.SPACE: ("in outer space", "before a planet", "among the stars"),
        Setting.ROOM: ("in a room", "indoors", "at home"),
        Setting.STUDIO: ("in a studio", "before a plain background"),
    },
    Attribute.LIGHT: {
        Light.BRIGHT: ("in bright light", "in daylight", "brightly lit"),
        Light.MID: ("at dusk", "in soft light", "at sunset"),
        Light.DARK: ("at night", "in the dark", "dimly lit"),
    },
    Attribute.PALETTE: {
        Palette.AMBER: ("in amber colours", "in orange colours", "in golden colours"),
        Palette.CRIMSON: ("in crimson colours", "in red colours"),
        Palette.EMERALD: ("in emerald colours", "in green colours"),
        Palette.AZURE: ("in azure colours", "in blue colours"),
        Palette.VIOLET: ("in violet colours", "in purple colours"),
        Palette.SILVER: ("in silver colours", "in grey colours", "in black and white"),
    },
    Attribute.PROP: {
        Prop.CAR: ("with a car", "with an automobile"),
        Prop.SAILBOAT: ("with a sailboat", "with a boat", "with a sailing ship"),
        Prop.ROCKET: ("with a rocket", "with a spaceship"),
        Prop.CASTLE: ("with a castle", "with a fortress"),
        Prop.HEART: ("with a heart", "with a symbol of love"),
        Prop.GUITAR: ("with a guitar", "with a musical instrument"),
        Prop.BALLOON: ("with a hot-air balloon", "with a balloon"),
        Prop.CROWN: ("with a crown", "with a symbol of royalty"),
        "none": ("with no object", "with nothing else"),
    },
    Attribute.LETTERING: {
        "yes": ("with a title", "with lettering", "with text"),
        "no": ("without a title", "without lettering", "without text"),
    },
}

_OPENINGS = ("artwork", "a picture", "an image", "a poster", "a thumbnail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One sentence and the attributes it speaks of. It is true of every scene that has the same values of those."""

    text: str
    speaks_of: frozenset[Attribute]


def values_of(scene: Scene) -> dict[Attribute, str]:
    """The value of every attribute that can be seen in a scene; faces too small to read have no expression."""
    values = {
        Attribute.SHOT: scene.shot.value,
        Attribute.PEOPLE: str(scene.people),
        Attribute.SETTING: scene.setting.value,
        Attribute.LIGHT: scene.light.value,
        Attribute.PALETTE: scene.palette.value,
        Attribute.PROP: scene.prop.value if scene.prop else "none",
        Attribute.LETTERING: "yes" if scene.text else "no",
    }
    if scene.expression is not None:
        values[Attribute.EXPRESSION] = scene.expression.value
    if not scene.people and scene.prop is None:
        # Nothing stands in front, so there is no telling how near the camera is.
        del values[Attribute.SHOT]
    return values


def captions(scene: Scene, rng: np.random.Generator, count: int = 1) -> list[Caption]:
    """`count` true sentences, each about some of the attributes (one to all of them), in varied words."""
    values = values_of(scene)
    return [_caption(values, rng) for _ in range(count)]


def prompt(attribute: Attribute, value: str) -> str:
    """The sentence that an image with this value should be nearest to, among those of the attribute's other values."""
    phrase = PHRASES[attribute][value][0]
    return sentence({attribute: phrase})


def words() -> list[str]:
    """Every word that a caption can hold, sorted."""
    texts = [phrase for values in PHRASES.values() for phrases in values.values() for phrase in phrases]
    texts += [*_OPENINGS, "of", "faces", "and"]
    return sorted({word for text in texts for word in split_words(text)})


def split_words(text: str) -> list[str]:
    """A text as lower-case words without punctuation."""
    return "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()


def sentence(phrases: dict[Attribute, str], opening: str = "artwork") -> str:
    """Phrases joined in the order of speech: "a close-up of two people, happy faces, in a city, at night"."""
    parts: list[str] = []
    people = phrases.get(Attribute.PEOPLE)
    start = phrases.get(Attribute.SHOT, opening)
    parts.append(f"{start} of {people}" if people else start)
    if expression := phrases.get(Attribute.EXPRESSION):
        parts.append(f"{expression} faces")
    others = (Attribute.SETTING, Attribute.LIGHT, Attribute.PALETTE, Attribute.PROP, Attribute.LETTERING)
    parts += [phrases[attribute] for attribute in others if attribute in phrases]
    return ", ".join(parts)


def _caption(values: dict[Attribute, str], rng: np.random.Generator) -> Caption:
    spoken = _some(rng, tuple(values))
    phrases = {attribute: one_of(rng, PHRASES[attribute][values[attribute]]) for attribute in spoken}
    return Caption(text=sentence(phrases, one_of(rng, _OPENINGS)), speaks_of=frozenset(spoken))


def _some(rng: np.random.Generator, attributes: Sequence[Attribute]) -> list[Attribute]:
    """A random subset that is not empty; small and large ones are equally likely."""
    size = int(rng.integers(1, len(attributes) + 1))
    return [attributes[place] for place in rng.permutation(len(attributes))[:size]]
