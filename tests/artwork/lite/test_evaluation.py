"""The model card's numbers: the measures are right, and the committed model is as good as it says."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from artwork.embedding import Embedder, EmbedderConfig, load_embedder
from artwork.labels import Labeller
from artwork.lite.captions import Attribute
from artwork.lite.evaluation import HELD_OUT_SEED, evaluate, nearest_neighbour_accuracy
from artwork.lite.rendering.drawing import render
from artwork.lite.scene import Scene, random_scene


@pytest.fixture(scope="module")
def lite() -> Embedder:
    return load_embedder(EmbedderConfig(threads=1))


def drawn(scene: Scene) -> bytes:
    out = io.BytesIO()
    render(scene, (192, 108)).save(out, "PNG")
    return out.getvalue()


def scenes(count: int) -> list[Scene]:
    rng = np.random.default_rng(HELD_OUT_SEED)
    return [random_scene(rng) for _ in range(count)]


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawings that stand in for photographs: the format of the labels, not their difficulty."""
    folder = tmp_path_factory.mktemp("stills")
    rows = [("file", "faces", "shot", "expression", "setting", "style", "text", "light")]
    for index, scene in enumerate(scenes(12)):
        path = folder / f"title-{index % 3}" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(drawn(scene))
        place = {"room": "indoor", "studio": "studio"}.get(scene.setting, "outdoor")
        rows.append(
            (
                str(path.relative_to(folder)),
                str(scene.people),
                scene.shot,
                scene.expression or "none",
                place,
                "drawing",
                "yes" if scene.text else "no",
                scene.light,
            )
        )
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_the_report_has_every_number_of_the_card(lite: Embedder, stills: Path) -> None:
    report = evaluate(lite, drawings=40, stills=stills)
    assert report["version"] == lite.version
    zero_shot = report["zero_shot"]
    assert isinstance(zero_shot, dict)
    assert set(zero_shot) == set(Attribute)
    assert zero_shot["lettering"]["accuracy"] > 0.9
    assert zero_shot["shot"]["accuracy"] > 0.7
    of_stills = report["stills"]
    assert isinstance(of_stills, dict)
    assert of_stills["pictures"] == 12
    assert of_stills["lettering"]["accuracy"] > 0.8
    assert of_stills["setting"]["n"] == 12


def test_neighbours_of_one_kind_are_found() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(3), 10, axis=0)
    vectors = (centres + rng.normal(scale=0.05, size=centres.shape)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kinds = ["a"] * 10 + ["b"] * 10 + ["c"] * 10
    assert nearest_neighbour_accuracy(vectors, kinds) == 1.0
    assert nearest_neighbour_accuracy(vectors, [f"{index}" for index in range(30)]) == 0.0


def test_labels_are_mostly_true_say_where_they_hold_and_abstain(lite: Embedder) -> None:
    chosen = scenes(24)
    labels = Labeller(lite).label(lite.embed_images([drawn(scene) for scene in chosen]))
    assert {label.domain for of_one in labels for label in of_one} == {"rendered"}
    lettering = [label for of_one in labels for label in of_one if label.attribute is Attribute.LETTERING]
    assert len(lettering) > 18
    right = [
        label.value == ("yes" if scene.text else "no")
        for scene, of_one in zip(chosen, labels, strict=True)
        for label in of_one
        if label.attribute is Attribute.LETTERING
    ]
    assert np.mean(right) > 0.9
    nothing = Labeller(lite, least_score=1.01).label(lite.embed_images([drawn(chosen[0])]))
    assert nothing == [()]


def test_no_expression_is_claimed_where_nobody_is_seen(lite: Embedder) -> None:
    empty = [scene for scene in scenes(60) if scene.people == 0][:6]
    labels = Labeller(lite, least_score=0.0).label(lite.embed_images([drawn(scene) for scene in empty]))
    claimed = {label.attribute: label.value for label in labels[0]}
    assert claimed[Attribute.PEOPLE] == "0"
    assert Attribute.EXPRESSION not in claimed
