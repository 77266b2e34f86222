"""Scenes: what they refuse, how evenly they are drawn, and the six of a title."""

from collections import Counter

import numpy as np
import pytest

from artwork.lite.genres import LOOKS, scenes_for_title
from artwork.lite.scene import Expression, InvalidScene, Light, Palette, Prop, Scene, Setting, Shot, random_scene


def a_scene(people: int, expression: Expression | None, shot: Shot) -> Scene:
    return Scene(
        people=people,
        expression=expression,
        shot=shot,
        setting=Setting.SEA,
        palette=Palette.AZURE,
        light=Light.BRIGHT,
    )


@pytest.mark.parametrize(
    ("people", "expression", "shot"),
    [
        (4, Expression.CALM, Shot.CLOSE),
        (-1, None, Shot.WIDE),
        (1, None, Shot.CLOSE),
        (1, Expression.SAD, Shot.WIDE),
        (0, Expression.SAD, Shot.CLOSE),
    ],
)
def test_a_scene_that_contradicts_itself_is_refused(people: int, expression: Expression | None, shot: Shot) -> None:
    with pytest.raises(InvalidScene):
        a_scene(people, expression, shot)


def test_random_scenes_show_everything_about_as_often() -> None:
    rng = np.random.default_rng(0)
    scenes = [random_scene(rng) for _ in range(2000)]
    for values, kinds in (
        ([scene.people for scene in scenes], 4),
        ([scene.setting for scene in scenes], len(Setting)),
        ([scene.palette for scene in scenes], len(Palette)),
        ([scene.expression for scene in scenes if scene.expression], len(Expression)),
        ([scene.prop for scene in scenes if scene.prop], len(Prop)),
    ):
        counts = Counter(values)
        assert len(counts) == kinds
        assert min(counts.values()) > 0.75 * len(values) / kinds


def test_the_same_generator_gives_the_same_scenes() -> None:
    assert random_scene(np.random.default_rng(5)) == random_scene(np.random.default_rng(5))


@pytest.mark.parametrize("genre", [*LOOKS, "Drama", "a genre nobody knows"])
def test_a_title_gets_six_scenes_that_contrast(genre: str) -> None:
    scenes = scenes_for_title(np.random.default_rng(3), "Night Convoy", genre)
    assert len(scenes) == 6
    assert len({(scene.people, scene.shot) for scene in scenes}) == 6
    assert len({scene.palette for scene in scenes}) == 3
    assert len({scene.expression for scene in scenes} - {None}) == 3
    assert {scene.text for scene in scenes} == {"Night Convoy"}


def test_the_place_of_a_scene_says_nothing_of_what_it_shows() -> None:
    first = {scenes_for_title(np.random.default_rng(seed), "x", "drama")[0].people for seed in range(20)}
    assert first == {0, 1, 2, 3}
