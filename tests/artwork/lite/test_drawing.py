"""The renderer: deterministic, of the asked size, and every attribute changes the picture."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageStat

from artwork.lite.rendering.drawing import render
from artwork.lite.scene import Expression, Light, Palette, Prop, Scene, Setting, Shot

PLAIN = Scene(
    people=2,
    expression=Expression.HAPPY,
    shot=Shot.CLOSE,
    setting=Setting.CITY,
    palette=Palette.AMBER,
    light=Light.MID,
    prop=Prop.CAR,
    text="Night Convoy",
    seed=7,
)


def difference(one: Scene, other: Scene) -> float:
    first, second = (np.asarray(render(scene, (160, 90)), dtype=float) for scene in (one, other))
    return float(np.abs(first - second).mean())


@pytest.mark.parametrize("size", [(640, 360), (224, 224), (90, 160), (32, 32)])
def test_a_scene_is_drawn_at_any_size(size: tuple[int, int]) -> None:
    image = render(PLAIN, size)
    assert image.size == size
    assert image.mode == "RGB"


def test_the_same_scene_gives_the_same_bytes() -> None:
    assert render(PLAIN, (160, 90)).tobytes() == render(PLAIN, (160, 90)).tobytes()


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, people=1),
        replace(PLAIN, expression=Expression.SAD),
        replace(PLAIN, shot=Shot.MEDIUM),
        replace(PLAIN, prop=Prop.GUITAR),
        replace(PLAIN, text=None),
        replace(PLAIN, seed=8),
        *(replace(PLAIN, setting=setting) for setting in Setting if setting is not Setting.CITY),
        *(replace(PLAIN, palette=palette) for palette in Palette if palette is not Palette.AMBER),
    ],
)
def test_every_attribute_changes_the_picture(other: Scene) -> None:
    assert difference(PLAIN, other) > 0.3


@pytest.mark.parametrize("prop", list(Prop))
def test_every_prop_can_be_the_subject(prop: Prop) -> None:
    alone = replace(PLAIN, people=0, expression=None, prop=prop)
    assert difference(alone, replace(alone, prop=None)) > 1


def test_light_is_brightness() -> None:
    def brightness(light: Light) -> float:
        grey: Image.Image = render(replace(PLAIN, light=light), (160, 90)).convert("L")
        return ImageStat.Stat(grey).mean[0]

    assert brightness(Light.BRIGHT) > brightness(Light.MID) + 25 > brightness(Light.DARK) + 50


@pytest.mark.parametrize("text", ["A", "O Pagador de Promessas e Outras Histórias Muito Compridas", "Ночь", "  "])
def test_any_name_can_be_lettered(text: str) -> None:
    assert render(replace(PLAIN, text=text), (160, 90)).size == (160, 90)
