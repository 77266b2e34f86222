"""What a drawn artwork shows, attribute by attribute, and how scenes are chosen. Knows no pixels, no words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np

T = TypeVar("T")

MOST_PEOPLE = 3


class Expression(StrEnum):
    """What the faces show."""

    CALM = "calm"
    HAPPY = "happy"
    SAD = "sad"
    ANGRY = "angry"
    SURPRISED = "surprised"


class Shot(StrEnum):
    """How near the camera is."""

    CLOSE = "close"
    MEDIUM = "medium"
    WIDE = "wide"


class Setting(StrEnum):
    """Where it is."""

    CITY = "city"
    FOREST = "forest"
    SEA = "sea"
    MOUNTAINS = "mountains"
    DESERT = "desert"
    SPACE = "space"
    ROOM = "room"
    STUDIO = "studio"


class Palette(StrEnum):
    """The colour that everything is tinted with."""

    AMBER = "amber"
    CRIMSON = "crimson"
    EMERALD = "emerald"
    AZURE = "azure"
    VIOLET = "violet"
    SILVER = "silver"


class Light(StrEnum):
    """How much light there is."""

    BRIGHT = "bright"
    MID = "mid"
    DARK = "dark"


class Prop(StrEnum):
    """The one thing that the artwork shows beside people."""

    CAR = "car"
    SAILBOAT = "sailboat"
    ROCKET = "rocket"
    CASTLE = "castle"
    HEART = "heart"
    GUITAR = "guitar"
    BALLOON = "balloon"
    CROWN = "crown"


class InvalidScene(ValueError):
    """A scene contradicts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The attributes of one drawn artwork. `seed` decides what has no name: hair, clothes, where the hills are.

    A face in a wide shot is too small to read, so only close and medium shots with people have an expression.
    """

    people: int
    expression: Expression | None
    shot: Shot
    setting: Setting
    palette: Palette
    light: Light
    prop: Prop | None = None
    text: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.people <= MOST_PEOPLE:
            raise InvalidScene(f"{self.people} people: draw 0 to {MOST_PEOPLE}")
        if (self.expression is not None) != shows_faces(self.people, self.shot):
            raise InvalidScene("an expression belongs to close and medium shots with people, and to those alone")


def shows_faces(people: int, shot: Shot) -> bool:
    """Whether faces are large enough to carry an expression."""
    return people > 0 and shot is not Shot.WIDE


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene with every attribute drawn evenly, so that none predicts another; half carry a made-up title.

    The one exception: with neither people nor a prop in front there is no telling the distance, and the shot is wide.
    """
    people = int(rng.integers(0, MOST_PEOPLE + 1))
    prop = one_of(rng, tuple(Prop)) if rng.random() < 0.6 else None
    shot = one_of(rng, tuple(Shot)) if people or prop else Shot.WIDE
    return Scene(
        people=people,
        expression=one_of(rng, tuple(Expression)) if shows_faces(people, shot) else None,
        shot=shot,
        setting=one_of(rng, tuple(Setting)),
        palette=one_of(rng, tuple(Palette)),
        light=one_of(rng, tuple(Light)),
        prop=prop,
        text=random_title(rng) if rng.random() < 0.5 else None,
        seed=int(rng.integers(0, 2**31)),
    )


_FIRST_WORDS = (
    "the last", "a quiet", "beyond the", "under the", "the silver", "midnight", "return of the", "the hidden",
    "seven", "the long", "paper", "electric", "salt and", "the glass", "northern", "little",
)  # fmt: skip
_LAST_WORDS = (
    "harbour", "garden", "signal", "winter", "kingdom", "orchard", "stranger", "engine", "letters", "mirror",
    "island", "choir", "summer", "detective", "horizon", "fox",
)  # fmt: skip


def random_title(rng: np.random.Generator) -> str:
    """A made-up name of two to four words."""
    return f"{one_of(rng, _FIRST_WORDS)} {one_of(rng, _LAST_WORDS)}".title()


def one_of(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of the choices, each as likely as the others."""
    return choices[int(rng.integers(len(choices)))]
