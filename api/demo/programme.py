"""What the simulated viewers can watch: made-up titles, each with six contrasting artworks. Knows no viewers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from artwork.catalog import ArtworkId, Title, TitleId, TitleKind
from artwork.lite.genres import LOOKS, scenes_for_title
from artwork.lite.scene import Scene, random_title

GENRES = tuple(sorted(LOOKS))
SECOND_GENRE_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Showing:
    """A title and the scenes that its artworks show, by artwork id in canonical order."""

    title: Title
    scenes: dict[ArtworkId, Scene]


def make_programme(rng: np.random.Generator, count: int) -> list[Showing]:
    """Make `count` titles, spread evenly over the genres; many belong to a second one as well."""
    names: dict[TitleId, str] = {}
    while len(names) < count:
        name = random_title(rng)
        names[TitleId(name.lower().replace(" ", "-"))] = name
    return [
        _showing(rng, title, name, genre=GENRES[index % len(GENRES)])
        for index, (title, name) in enumerate(names.items())
    ]


def titles_of(programme: Sequence[Showing]) -> list[Title]:
    """The titles alone."""
    return [showing.title for showing in programme]


def _showing(rng: np.random.Generator, title: TitleId, name: str, *, genre: str) -> Showing:
    second = [str(rng.choice(GENRES))] if rng.random() < SECOND_GENRE_SHARE else []
    scenes = {_artwork_id(scene): scene for scene in scenes_for_title(rng, name, genre)}
    record = Title(
        title=title,
        name=name,
        kind=TitleKind.FILM,
        genres=tuple(dict.fromkeys([genre, *second])),
        year=int(rng.integers(1990, 2026)),
        runtime_seconds=int(rng.integers(80, 140)) * 60,
    )
    return Showing(record, dict(sorted(scenes.items())))


def _artwork_id(scene: Scene) -> ArtworkId:
    who = {0: "place", 1: "one", 2: "two", 3: "group"}[scene.people]
    return ArtworkId(f"{who}-{scene.shot.value}")
