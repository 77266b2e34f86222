"""How good keyart-lite is, on drawings it never saw and on real pictures: the numbers of its model card.

`python -m artwork.lite.evaluation --stills FOLDER` prints one JSON object. FOLDER holds pictures and a `labels.csv`
with the columns file, faces, shot, setting, light, text.
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from artwork.embedding import Embedder, EmbedderConfig, load_embedder, new_lite_model
from artwork.labels import LEAST_SCORE, Labeller
from artwork.lite.captions import PHRASES, Attribute, sentence, values_of
from artwork.lite.rendering.drawing import render
from artwork.lite.scene import Scene, Setting, random_scene
from artwork.lite.training import prepared

HELD_OUT_SEED = 1_000_003
"""Training draws its scenes from small seeds; these come from another stream."""

_STILL_SIZE = (384, 216)
_OUTDOOR = tuple(setting for setting in Setting if setting not in (Setting.ROOM, Setting.STUDIO))
_PLACES = {"indoor": (Setting.ROOM,), "studio": (Setting.STUDIO,), "outdoor": _OUTDOOR}

Report = dict[str, object]
FloatArray = NDArray[np.float32]


def evaluate(embedder: Embedder, *, drawings: int = 1000, stills: Path | None = None) -> Report:
    """Zero-shot accuracy, retrieval and nearest neighbours on fresh drawings and, if given, on labelled stills."""
    rng = np.random.default_rng(HELD_OUT_SEED)
    scenes = [random_scene(rng) for _ in range(drawings)]
    vectors = embedder.embed_images([_drawn(scene) for scene in scenes])
    report: Report = {
        "version": embedder.version,
        "drawings": drawings,
        "zero_shot": zero_shot(embedder, vectors, scenes),
        "retrieval": retrieval(embedder, vectors[:500], scenes[:500]),
        "setting_5nn": nearest_neighbour_accuracy(vectors, [scene.setting.value for scene in scenes]),
    }
    if stills is not None:
        report["stills"] = evaluate_stills(embedder, stills)
    return report


def zero_shot(embedder: Embedder, vectors: FloatArray, scenes: Sequence[Scene]) -> dict[str, dict[str, float]]:
    """For each attribute: accuracy, that of always guessing the commonest value, and accuracy and share when clear."""
    labeller = Labeller(embedder)
    values = [values_of(scene) for scene in scenes]
    table: dict[str, dict[str, float]] = {}
    for attribute in Attribute:
        seen = [row for row, of_scene in enumerate(values) if attribute in of_scene]
        truth = np.array([list(PHRASES[attribute]).index(values[row][attribute]) for row in seen])
        table[attribute.value] = _scored(labeller.scores(vectors[seen], attribute), truth)
    return table


def retrieval(embedder: Embedder, vectors: FloatArray, scenes: Sequence[Scene]) -> dict[str, float]:
    """Recall of the right one among all, with captions that speak of every attribute; equal captions count as right."""
    texts = [_full_caption(scene) for scene in scenes]
    similarity = vectors @ embedder.embed_texts(texts).T
    same = np.array([[one == other for other in texts] for one in texts])
    return {
        "among": float(len(texts)),
        "text_to_image_at_1": _recall(similarity.T, same, at=1),
        "text_to_image_at_5": _recall(similarity.T, same, at=5),
        "image_to_text_at_1": _recall(similarity, same, at=1),
        "image_to_text_at_5": _recall(similarity, same, at=5),
    }


def nearest_neighbour_accuracy(vectors: FloatArray, labels: Sequence[str], *, neighbours: int = 5) -> float:
    """Share of rows whose label wins the vote of their nearest neighbours by cosine, the row itself left out."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :neighbours]
    kinds, codes = np.unique(np.array(labels), return_inverse=True)
    votes = np.eye(len(kinds))[codes[nearest]].sum(axis=1)
    return round(float((votes.argmax(axis=1) == codes).mean()), 3)


def evaluate_stills(embedder: Embedder, folder: Path) -> Report:
    """The same words on real pictures, with what guessing the commonest value would get."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    vectors = embedder.embed_images([(folder / row["file"]).read_bytes() for row in rows])
    labeller = Labeller(embedder)
    checks: dict[str, tuple[Attribute, Callable[[dict[str, str]], str | None]]] = {
        "faces": (Attribute.PEOPLE, lambda row: row["faces"] if row["faces"] in PHRASES[Attribute.PEOPLE] else None),
        "shot": (Attribute.SHOT, lambda row: row["shot"] if row["shot"] != "none" else None),
        "expression": (Attribute.EXPRESSION, _expression_of),
        "light": (Attribute.LIGHT, lambda row: row["light"]),
        "lettering": (Attribute.LETTERING, lambda row: row["text"]),
    }
    report: Report = {"pictures": len(rows)}
    for name, (attribute, of_row) in checks.items():
        seen = [(place, value) for place, row in enumerate(rows) if (value := of_row(row)) is not None]
        truth = np.array([list(PHRASES[attribute]).index(value) for _, value in seen])
        report[name] = _scored(labeller.scores(vectors[[place for place, _ in seen]], attribute), truth)
    report["setting"] = _place_accuracy(labeller, vectors, rows)
    trunk = _trunk_vectors([folder / row["file"] for row in rows])
    for name, labels in {
        "title_5nn": [Path(row["file"]).parts[0] for row in rows],
        "style_5nn": [row["style"] for row in rows],
        "setting_5nn": [row["setting"] for row in rows],
    }.items():
        report[name] = {
            "accuracy": nearest_neighbour_accuracy(vectors, labels),
            "bare_trunk": nearest_neighbour_accuracy(trunk, labels),
            "commonest": round(max(map(labels.count, labels)) / len(labels), 3),
        }
    return report


def _trunk_vectors(files: Sequence[Path]) -> FloatArray:
    """Unit vectors of keyart-lite's trunk before its projection, to see what the projection costs."""
    trunk = cast(Any, new_lite_model()).visual.trunk.eval()
    rows: list[FloatArray] = []
    for file in files:
        with Image.open(file) as image, torch.inference_mode():
            pixels = prepared(image.convert("RGB"))
            rows.append(trunk(torch.as_tensor(pixels).permute(2, 0, 1)[None]).numpy()[0])
    vectors = np.stack(rows)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _expression_of(row: dict[str, str]) -> str | None:
    return row["expression"] if row["expression"] in PHRASES[Attribute.EXPRESSION] else None


def _place_accuracy(labeller: Labeller, vectors: FloatArray, rows: Sequence[dict[str, str]]) -> dict[str, float]:
    """Eight drawn settings against three kinds of place: the likeliest setting has to be one of the kind."""
    seen = [place for place, row in enumerate(rows) if row["setting"] in _PLACES]
    best = labeller.scores(vectors[seen], Attribute.SETTING).argmax(axis=1)
    settings = list(PHRASES[Attribute.SETTING])
    kinds = [rows[place]["setting"] for place in seen]
    right = [settings[int(choice)] in _PLACES[kind] for choice, kind in zip(best, kinds, strict=True)]
    commonest = max(kinds.count(kind) for kind in _PLACES) / len(kinds)
    return {"accuracy": round(float(np.mean(right)), 3), "commonest": round(commonest, 3), "n": float(len(seen))}


def _scored(shares: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, float]:
    right = shares.argmax(axis=1) == truth
    clear = shares.max(axis=1) >= LEAST_SCORE
    return {
        "accuracy": round(float(right.mean()), 3),
        "commonest": round(float(np.bincount(truth).max() / truth.size), 3),
        "accuracy_when_clear": round(float(right[clear].mean()), 3) if clear.any() else 0.0,
        "clear": round(float(clear.mean()), 3),
        "n": float(truth.size),
    }


def _recall(similarity: FloatArray, same: NDArray[np.bool_], *, at: int) -> float:
    best = np.argsort(-similarity, axis=1, kind="stable")[:, :at]
    return round(float(np.take_along_axis(same, best, axis=1).any(axis=1).mean()), 3)


def _full_caption(scene: Scene) -> str:
    return sentence({attribute: PHRASES[attribute][value][0] for attribute, value in values_of(scene).items()})


def _drawn(scene: Scene) -> bytes:
    out = io.BytesIO()
    render(scene, _STILL_SIZE).save(out, "JPEG", quality=90)
    return out.getvalue()


def main() -> None:
    """Print the report as JSON."""
    parser = argparse.ArgumentParser(description="Evaluate an embedding model. Example: --stills stills/ --threads 2")
    parser.add_argument("--stills", type=Path)
    parser.add_argument("--drawings", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    embedder = load_embedder(EmbedderConfig(threads=arguments.threads))
    report = evaluate(embedder, drawings=arguments.drawings, stills=arguments.stills)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
